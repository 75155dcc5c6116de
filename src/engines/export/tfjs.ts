/** A program as a TensorFlow.js graph model: batches of any size, weights inside. */

import type { Tensor } from '../../tensor/tensor.ts';
import { TFJS_TYPE } from '../tfjs/kernel.ts';
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
  const inputs = new Set(argumentsOf(free).map(({ node }) => node));
  const described = (name: string, node: Tensor) => ({
    name,
    shape: openShape(free, node),
    dtype: TFJS_TYPE[node.dtype],
  });
  for (const { name, node } of argumentsOf(free)) layouts.hold(node, graph.input(described(name, node)), FIRST);
  for (const node of free.nodes) {
    if (weights.has(node) || inputs.has(node)) continue;
    const site = { graph, node, free, layouts, name: results.find(([, output]) => output === node)?.[0] };
    const last = lowerChannelsLast(site);
    if (last === undefined) layouts.hold(node, lowerToTfjs(site), FIRST);
    else layouts.hold(node, last, LAST);
  }
  for (const [name, node] of results) {
    const made = layouts.first(node);
    if (made !== name) graph.apply('Identity', [made], {}, name);
  }
  return graph.files(
    results.map(([name, node]) => described(name, node)),
    version,
    metadata,
  );
}

const [FIRST, LAST] = [{ last: false }, { last: true }];
