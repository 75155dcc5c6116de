/** A program as a file computes elsewhere what it computes here: primitive by primitive, and for any batch. */

import { describe, expect, it } from 'vitest';
import type { State } from '../../src/engines/engine.ts';
import { type FreeProgram, freeBatch } from '../../src/engines/export/free-batch.ts';
import { encodeOnnx } from '../../src/engines/export/onnx.ts';
import { encodeTfjs } from '../../src/engines/export/tfjs.ts';
import { TfjsGraph } from '../../src/engines/export/tfjs-graph.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { createProgram, inputsOf, type Program } from '../../src/tensor/program.ts';
import { argument, constant, noise, parameter, type Tensor } from '../../src/tensor/tensor.ts';
import { caseArguments, casesFor, type Sizes } from './cases.ts';
import { type Files, runtimes } from './runtimes.ts';
import { caseValues } from './values.ts';

const engine = createReferenceEngine();

function stateOf(program: Program): State {
  const specs = inputsOf(program, 'parameter').map(({ node, source }) => ({ name: source.name, shape: node.shape }));
  const state = engine.allocate(specs, []);
  for (const { name } of specs) {
    state.write(
      name,
      state.read(name).map((_, i) => Math.sin(i + 1)),
    );
  }
  return state;
}

function filesOf(format: 'onnx' | 'tfjs', free: FreeProgram): Files {
  const { read } = stateOf(free.program);
  if (format === 'tfjs') return new Map(encodeTfjs(free, read, '1', {}).map(({ name, content }) => [name, content]));
  return new Map([['model.onnx', encodeOnnx(free, read, { producerVersion: '1', metadata: {} })]]);
}

/** Runs a program here and as a file elsewhere, and compares. */
async function expectAlike(
  { format, open }: (typeof runtimes)[string],
  programOf: (batch: number) => Program,
  batch: number,
  valuesOf: (program: Program) => ReturnType<typeof caseValues>,
): Promise<void> {
  const program = programOf(batch);
  const given = valuesOf(program);
  const executable = await engine.compile(program, { state: stateOf(program), data: {} });
  const expected = await executable.run({ arguments: given });
  const inputs = inputsOf(program, 'argument').map(({ node, source }) => [
    source.name,
    { values: given[source.name], shape: node.shape },
  ]);
  const results = await (await open(filesOf(format, freeBatch(programOf))))(Object.fromEntries(inputs));
  for (const [name, values] of Object.entries(expected)) {
    expect(results[name].shape).toEqual(program.outputs[name].shape);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const error = values.reduce((most, value, i) => Math.max(most, Math.abs(value - results[name].values[i])), 0);
    expect(error / largest, `${program.name}: ${name}`).toBeLessThan(5e-6);
  }
}

/** Only derivatives use these. */
const DERIVED = ['scatterAdd', 'convolveFilter'];
const SIZES: readonly Sizes[] = [
  [1, 5, 2],
  [4, 3, 6],
];

for (const [name, runtime] of Object.entries(runtimes)) {
  describe(`in ${name}`, () => {
    for (const sizes of SIZES) {
      const cases = Object.entries(casesFor(sizes)).filter(([primitive]) => !DERIVED.includes(primitive));
      it(`every primitive at ${sizes} gives what the reference gives`, async () => {
        let count = 0;
        for (const one of cases.flatMap(([, list]) => list)) {
          const program = createProgram(one.name, { value: one.build(...caseArguments(one)) });
          if (inputsOf(program, 'noise').length + inputsOf(program, 'data').length > 0) continue;
          count += 1;
          await expectAlike(
            runtime,
            () => program,
            1,
            () => caseValues(one),
          );
        }
        expect(count).toBeGreaterThan(60);
      });
    }

    it('what follows the batch follows it', async () => {
      const programOf = (batch: number): Program => {
        const x = argument('x', [batch, 6, 4, 4]);
        const filters = parameter('filters', [6, 6, 3, 3]);
        const normal = x.sub(x.mean(1, true)).mul(parameter('gain', [6, 1, 1]));
        const seen = normal.convolve(filters, { padding: [1, 1] });
        const repeated = seen
          .reshape(batch, 6, 4, 1, 4, 1)
          .broadcastTo([batch, 6, 4, 2, 4, 3])
          .reshape(batch, 6, 8, 12);
        const rows = repeated.transpose(2, 0, 1, 3).slice(0, 1, 6).sum(3).transpose(1, 0, 2);
        const total = seen.relu().sub(x).logSumExp([1, 2, 3]).reshape(1, batch);
        return createProgram('batches', { repeated, rows, total, greatest: seen.max([0, 2]) });
      };
      const valuesOf = (program: Program) => {
        const [{ node }] = inputsOf(program, 'argument');
        return { x: Float32Array.from({ length: node.size }, (_, i) => Math.cos(i * i)) };
      };
      for (const batch of [1, 4]) await expectAlike(runtime, programOf, batch, valuesOf);
    });
  });
}

describe('a program whose batch is to be free', () => {
  const refuse = (build: (x: Tensor, batch: number) => Tensor) => () =>
    freeBatch((batch) => createProgram('test', { y: build(argument('x', [batch, 3]), batch) }));

  it('may not compute with the size of the batch', () => {
    expect(refuse((x) => x.mean(0))).toThrow('program test: its constant depends on the size of the batch');
    expect(refuse((x, batch) => (batch % 4 === 1 ? x.exp() : x.log()))).toThrow('depends on the size of the batch');
    expect(refuse((x, batch) => x.reshape(3, batch).slice(1, 0, 2).add(batch))).toThrow('depends on the size');
  });

  it('may neither make nor cut it', () => {
    const row = (batch: number) => parameter('row', [3]).broadcastTo([batch, 3]);
    expect(refuse((_, batch) => row(batch).reshape(3, batch))).toThrow('its broadcast changes the size of the batch');
    expect(refuse((x, batch) => x.reshape(3 * batch).slice(0, 0, batch))).toThrow('its slice changes the size');
    expect(refuse((x, batch) => x.reshape(1, batch, 3).broadcastTo([batch, batch, 3]))).toThrow('depends on the size');
  });

  it('has no noise', () => {
    const draw = (batch: number) => noise('n', { kind: 'uniform' }, [batch, 3]);
    const free = freeBatch((batch) => createProgram('test', { y: argument('x', [batch, 3]).add(draw(batch)) }));
    for (const format of ['onnx', 'tfjs'] as const) {
      expect(() => filesOf(format, free)).toThrow(/^program test: it uses (noise|input), which no exported graph has$/);
    }
  });
});

describe('an exported graph', () => {
  const layer = (x: Tensor, i: number): Tensor =>
    x
      .convolve(parameter(`w${i}`, [6, x.shape[1], 3, 3]), { padding: [1, 1] })
      .add(parameter(`b${i}`, [6]).reshape(6, 1, 1));
  const network = (batch: number): Program => {
    let x = argument('x', [batch, 2, 8, 8]);
    for (let i = 0; i < 4; i++) x = layer(x, i).relu();
    const mask = constant(
      Float32Array.from({ length: 64 }, (_, i) => i % 2),
      [8, 8],
    );
    const code = x
      .sum([2, 3])
      .reshape(batch, 6)
      .matmul(parameter('w', [6, 64]))
      .add(parameter('b', [64]));
    return createProgram('network', { y: code.matmul(parameter('masked', [8, 8]).mul(mask).reshape(64, 1)) });
  };
  const free = freeBatch(network);

  it('of ONNX has one operator for a product and its bias, and weights under their names', () => {
    const model = Buffer.from(filesOf('onnx', free).get('model.onnx')!);
    const count = (text: string): number => model.toString('latin1').split(text).length - 1;
    // As a node says it: field 4, a text of so many bytes.
    const operators = (name: string): number => count(`\x22${String.fromCharCode(name.length)}${name}`);
    expect(['Conv', 'Gemm', 'MatMul', 'Add', 'Mul', 'Gather'].map(operators)).toEqual([4, 1, 1, 0, 0, 0]);
    // Once as the operator's input and once as what it is.
    expect(['w0', 'b0', 'w3', 'b3'].map((name) => count(name))).toEqual([2, 2, 2, 2]);
    // The masked weight is a product that is there already.
    expect(count('masked/')).toBe(2);
  });

  it('of TensorFlow.js moves images once, where they come in', () => {
    const { modelTopology } = JSON.parse(Buffer.from(filesOf('tfjs', free).get('model.json')!).toString());
    const count = (op: string) => modelTopology.node.filter((node: { op: string }) => node.op === op).length;
    expect([count('Conv2D'), count('Transpose')]).toEqual([4, 2]);
  });

  it('of TensorFlow.js resizes images whose pixels are doubled', () => {
    const doubled = freeBatch((batch) => {
      const x = layer(argument('x', [batch, 2, 4, 4]), 0);
      const cells = x.reshape(batch, 6, 4, 1, 4, 1).broadcastTo([batch, 6, 4, 2, 4, 2]);
      return createProgram('doubled', { y: cells.reshape(batch, 6, 8, 8).relu() });
    });
    const { modelTopology } = JSON.parse(Buffer.from(filesOf('tfjs', doubled).get('model.json')!).toString());
    const operations = modelTopology.node.map(({ op }: { op: string }) => op);
    expect(operations).toContain('ResizeNearestNeighbor');
    expect(operations).not.toContain('Tile');
  });

  it('of TensorFlow.js has its weights in files of 4 MiB', () => {
    const graph = new TfjsGraph();
    const values = Float32Array.from({ length: 2 ** 21 + 5 }, (_, i) => i);
    graph.apply('Identity', [graph.constant(values, [values.length], 'float32', 'w')], {}, 'y');
    graph.constant([1], [1], 'float32', 'not used');
    const files = graph.files([{ name: 'y', shape: [values.length], dtype: 'float32' }], '1', {});
    expect(files.map(({ name, content }) => [name, content.length])).toEqual([
      ['group1-shard1of3.bin', 2 ** 22],
      ['group1-shard2of3.bin', 2 ** 22],
      ['group1-shard3of3.bin', 20],
      ['model.json', expect.any(Number)],
    ]);
    const bytes = Buffer.concat(files.slice(0, 3).map(({ content }) => content));
    expect(bytes.equals(Buffer.from(values.buffer))).toBe(true);
  });
});
