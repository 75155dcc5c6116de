/**
 * A program as an ONNX file for other runtimes: batches of any size, weights inside, plain operators of the default
 * domain. It is written to be read and to run anywhere, where the onnx engine's own graph is written for this machine.
 */

import type { Tensor } from '../../tensor/tensor.ts';
import { GraphBuilder } from '../onnx/graph.ts';
import { countUsers, withoutUnused } from '../onnx/lowering.ts';
import { encodeModel, encodeValues, type OnnxAbout, type OnnxConstant, type OnnxValue } from '../onnx/protobuf.ts';
import { argumentsOf, type FreeProgram, followsBatch } from './free-batch.ts';
import { lowerForExport } from './onnx-rows.ts';
import { weightsOf } from './weights.ts';

/**
 * The bytes of a model whose inputs and outputs have the names of the program's arguments and outputs, and "batch" for
 * the size of the batch. `parameter` gives a parameter's values.
 * @throws EngineError where the program needs what no exported graph has, such as noise.
 */
export function encodeOnnx(free: FreeProgram, parameter: (name: string) => Float32Array, about: OnnxAbout): Uint8Array {
  const { program, nodes, sizesOf } = free;
  const graph = new GraphBuilder();
  const weights = weightsOf(free, parameter);
  const results = Object.entries(program.outputs);
  const users = countUsers(results.map(([, node]) => node));
  const names = new Map<Tensor, string>();
  for (const node of nodes) {
    const weight = weights.get(node);
    const operands = node.inputs.map((operand) => names.get(operand)!);
    const name = results.find(([, output]) => output === node)?.[0];
    const isPrivate = (other: Tensor): boolean => users.get(other) === 1;
    const site = { graph, node, name, free, weights, names, isPrivate };
    names.set(node, weight?.name ?? lowerForExport(operands, site));
  }
  for (const [name, node] of results) {
    if (names.get(node) !== name) graph.apply('Identity', [names.get(node)!], {}, name);
  }
  const kept = withoutUnused(
    graph.nodes,
    results.map(([name]) => name),
  );
  const used = new Set(kept.flatMap(({ inputs }) => inputs));
  const initialisers = [...weights].flatMap(([{ dtype, shape }, { name, values }]): OnnxConstant[] =>
    used.has(name) ? [{ name, type: dtype, shape, bytes: encodeValues(values, dtype) }] : [],
  );
  const described = (name: string, node: Tensor): OnnxValue => ({
    name,
    type: node.dtype,
    shape: sizesOf(node).map((size) => (followsBatch(size) ? 'batch' : size)),
  });
  return encodeModel(
    {
      name: program.name,
      nodes: kept,
      constants: [...initialisers, ...graph.constants].filter(({ name }) => used.has(name)),
      inputs: argumentsOf(free).map(({ name, node }) => described(name, node)),
      outputs: results.map(([name, node]) => described(name, node)),
    },
    about,
  );
}
