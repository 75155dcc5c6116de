/** A program as a TensorFlow.js graph model: batches of any size, weights inside. */

import { argumentsOf, type FreeProgram, openShape } from './free-batch.ts';
import { type ModelFile, TfjsGraph } from './tfjs-graph.ts';
import { Layouts } from './tfjs-layouts.ts';
import { lowerChannelsLast, lowerToTfjs } from './tfjs-rows.ts';
import { weightsOf } from './weights.ts';

/**
 * `model.json` and the files of its weights. Inputs and outputs have the names of the program's arguments and outputs;
 * `parameter` gives a parameter's values.
 * @throws EngineError where the program needs what no exported graph has, such as noise.
 */
export function encodeTfjs(
  free: FreeProgram,
  parameter: (name: string) => Float32Array,
  version: string,
  metadata: Readonly<Record<string, string>>,
): ModelFile[] {
  const graph = new TfjsGraph();
  const weights = weightsOf(free, parameter);
  const layouts = new Layouts(graph, free, weights);
  const results = Object.entries(free.program.outputs);
  const inputs = new Map(argumentsOf(free).map(({ name, node }) => [node, name]));
  for (const node of free.nodes) {
    if (weights.has(node)) continue;
    const input = inputs.get(node);
    const name = input ?? results.find(([, output]) => output === node)?.[0];
    const site = { graph, node, free, layouts, name };
    const last = lowerChannelsLast(site);
    if (input !== undefined) layouts.hold(node, graph.input({ name: input, shape: openShape(free, node) }), FIRST);
    else if (last !== undefined) layouts.hold(node, last, LAST);
    else layouts.hold(node, lowerToTfjs(site), FIRST);
  }
  for (const [name, node] of results) {
    const made = layouts.first(node);
    if (made !== name) graph.apply('Identity', [made], {}, name);
  }
  const outputs = results.map(([name, node]) => ({ name, shape: openShape(free, node) }));
  return graph.files(outputs, version, metadata);
}

const [FIRST, LAST] = [{ last: false }, { last: true }];
