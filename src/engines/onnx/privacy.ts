/**
 * onnxruntime reports its use to its maker over the network unless this is set when its library is loaded, so this file
 * is imported before it. Whoever wants the reports sets the variable to 0.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1';
