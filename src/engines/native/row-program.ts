/**
 * A chain as loops over one row: a pass computes values and folds them, and what needs a result of a row follows in the
 * next pass. Values that a later pass needs wait in an array of the row, or in their place where they have one.
 */

import type { PrimitiveOf } from '../../tensor/primitives.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { isOfKind, type NodeOf } from '../../tensor/tensor.ts';
import { Block, emit } from '../compiled/emitter.ts';
import { C_TYPES } from '../compiled/expressions.ts';
import { atLinear, reshaped } from '../compiled/positions.ts';
import type { Affine } from './affine.ts';
import type { Chain } from './chains.ts';
import { c } from './dialect.ts';
import { foldings } from './foldings.ts';
import { readsInFrame } from './frames.ts';
import { cutsOf, IVDEP, sumOf } from './nest.ts';
import { StepArguments } from './steps.ts';

type Folded = NodeOf<PrimitiveOf<'reduction'>>;

interface Pass {
  /** Computed for each column. */
  readonly values: Tensor[];
  /** Folded on the way: over the row, the second time where one pass does not do, and over all rows of a column. */
  readonly folds: Folded[];
  readonly seconds: Folded[];
  readonly columns: Folded[];
  /** Computed once behind the pass. */
  readonly rows: Tensor[];
}

/** Where a row is computed. */
export interface Place {
  /** The terms of the position of its first value. */
  readonly terms: readonly string[];
  /** The loop over its columns `j`, from one name or number up to another. */
  readonly columns: readonly [first: string, end: string];
  /** The product at column `j`. */
  readonly product?: string;
}

export class RowProgram {
  /** Where loops over rows are cut, so that no position has to be divided in the innermost one. */
  readonly cuts: readonly number[];
  private readonly chain: Chain;
  private readonly passes: readonly Pass[];
  /** Pass by pass; −1 is before the first. */
  private readonly passOf = new Map<Tensor, number>();
  /** Values that a later pass needs than the one that computes them. */
  private readonly waiting = new Set<Tensor>();

  constructor(chain: Chain, stored: ReadonlySet<Tensor>) {
    this.chain = chain;
    this.passes = this.inPasses(stored);
    const { rows, columns } = chain.frame;
    this.cuts = cutsOf(rows * columns, (block, linear) => {
      const args = new StepArguments(stored);
      args.here = (node) => (chain.members.has(node) ? 'v' : undefined);
      for (const [node, level] of chain.members) {
        if (level === 'value' && node !== chain.product?.node)
          emit(block, node, atLinear(node.shape, linear), args, true);
        else if (isOfKind(node, 'reduction')) this.folded(block, node as Folded, linear, args);
      }
    });
  }

  private inPasses(stored: ReadonlySet<Tensor>): Pass[] {
    const { members, frame, product } = this.chain;
    const passes: Pass[] = [];
    const pass = (i: number): Pass => {
      while (passes.length <= i) passes.push({ values: [], folds: [], seconds: [], columns: [], rows: [] });
      return passes[i];
    };
    for (const [node, level] of members) {
      const reads = [...readsInFrame(node, level, frame, stored).keys()].filter((other) => members.has(other));
      const ready = reads.map((other) => this.passOf.get(other)! + (members.get(other) === 'row' ? 1 : 0));
      const needed = Math.max(0, ...ready);
      const wait = (last: number): void => {
        for (const other of reads) {
          if (members.get(other) === 'value' && this.passOf.get(other)! < last && other !== product?.node) {
            this.waiting.add(other);
          }
        }
      };
      if (level === 'value') {
        this.passOf.set(node, needed);
        if (node !== product?.node) pass(needed).values.push(node);
        wait(needed);
      } else if (isOfKind(node, 'reduction')) {
        const isTwice = foldings[(node as Folded).primitive].addSecond !== undefined;
        if (level === 'column') pass(needed).columns.push(node as Folded);
        else pass(needed).folds.push(node as Folded);
        const last = isTwice ? needed + 1 : needed;
        if (isTwice) pass(last).seconds.push(node as Folded);
        if (level === 'row') pass(last).rows.push(node);
        this.passOf.set(node, last);
        wait(last);
      } else {
        const behind = Math.max(-1, ...reads.map((other) => this.passOf.get(other)!));
        this.passOf.set(node, behind);
        if (behind >= 0) pass(behind).rows.push(node);
      }
    }
    pass(0);
    return passes;
  }

  /** The names of what is folded over all rows of a column, and what each is at first. */
  get columnSums(): readonly {
    readonly node: Folded;
    readonly names: readonly string[];
    readonly initial: readonly string[];
  }[] {
    const nodes = this.passes.flatMap(({ columns }) => columns);
    return nodes.map((node, i) => {
      const { initial } = foldings[node.primitive];
      return { node, names: initial.map((_, j) => `column${i}_${j}`), initial };
    });
  }

  /** Adds the statements for row `o` to its block. */
  emit(row: Block, affine: Affine, args: StepArguments, { terms, columns: [first, end], product }: Place): void {
    const { members, frame, kept, product: multiplied } = this.chain;
    const [rowNames, outs, arrays] = [new Map<Tensor, string>(), new Map<Tensor, string>(), new Map<Tensor, string>()];
    const foldNames = new Map<Tensor, string[]>();
    const columnNames = new Map(
      this.columnSums.map(({ node, names }) => [node, names.map((name) => `${name}[j]`)] as const),
    );
    const outputOf = (node: Tensor): string => {
      const name = outs.get(node) ?? args.output(node);
      outs.set(node, name);
      return name;
    };
    for (const node of this.waiting) {
      if (kept.has(node)) continue;
      arrays.set(node, row.fresh('row'));
      row.lines.push(`${C_TYPES[node.dtype]} ${arrays.get(node)}[${frame.columns}];`);
    }
    const finish = (nodes: readonly Tensor[]): void => {
      args.here = (node) => rowNames.get(node);
      for (const node of nodes) {
        const folded = foldNames.get(node);
        const value =
          folded === undefined
            ? emit(row, node, atLinear(node.shape, 'o'), args, true)
            : row.define('float', this.result(node as Folded, folded));
        rowNames.set(node, value);
        if (kept.has(node)) row.lines.push(`${outputOf(node)}[o] = ${value};`);
      }
    };
    finish([...members.keys()].filter((node) => members.get(node) === 'row' && this.passOf.get(node) === -1));

    this.passes.forEach((pass, p) => {
      for (const node of pass.folds) {
        const { initial, ofRow } = foldings[node.primitive];
        const names = initial.map((value) => {
          const name = row.fresh('fold');
          row.lines.push(ofRow ? `float ${name}[${frame.columns}];` : `float ${name} = ${value};`);
          return name;
        });
        foldNames.set(node, names);
      }
      for (const node of pass.seconds)
        row.lines.push(...(foldings[node.primitive].between?.(foldNames.get(node)!) ?? []));
      const body = new Block(row);
      affine.declare('j', frame.columns);
      const linear = body.index(sumOf([...terms, 'j']));
      const computed = new Map<Tensor, string>();
      args.here = (node) => {
        const known = rowNames.get(node) ?? computed.get(node);
        if (known !== undefined || members.get(node) !== 'value') return known;
        const text =
          node === multiplied?.node
            ? product!
            : arrays.has(node)
              ? `${arrays.get(node)}[j]`
              : `${outputOf(node)}[${linear}]`;
        const name = body.define(C_TYPES[node.dtype], text);
        computed.set(node, name);
        return name;
      };
      const isMultiplied = p === 0 && multiplied !== undefined && kept.has(multiplied.node);
      if (isMultiplied) body.lines.push(`${outputOf(multiplied.node)}[${linear}] = ${args.here(multiplied.node)};`);
      for (const node of pass.values) {
        const value = emit(body, node, atLinear(node.shape, linear), args, true);
        computed.set(node, value);
        if (kept.has(node)) body.lines.push(`${outputOf(node)}[${linear}] = ${value};`);
        if (arrays.has(node)) body.lines.push(`${arrays.get(node)}[j] = ${value};`);
      }
      const clauses: string[] = [];
      for (const node of [...pass.folds, ...pass.seconds]) {
        const folding = foldings[node.primitive];
        const isSecond = pass.seconds.includes(node);
        const names = foldNames.get(node)!;
        if (folding.ofRow) {
          body.lines.push(`${names[0]}[j] = ${this.folded(body, node, linear, args)};`);
          continue;
        }
        clauses.push(`reduction(${(isSecond ? folding.clauseSecond! : folding.clause)(names)})`);
        const add = isSecond ? folding.addSecond! : folding.add;
        body.lines.push(...add(names, this.folded(body, node, linear, args)));
      }
      for (const node of pass.columns) {
        body.lines.push(...foldings[node.primitive].add(columnNames.get(node)!, this.folded(body, node, linear, args)));
      }
      if (body.lines.length > 0) {
        row.lines.push(clauses.length > 0 ? `#pragma omp simd ${clauses.join(' ')}` : IVDEP);
        row.nest(`for (int j = ${first}; j < ${end}; j++)`, body);
      }
      finish(pass.rows);
    });
    args.here = () => undefined;
  }

  private result({ primitive }: Folded, names: readonly string[]): string {
    const { ofRow, result } = foldings[primitive];
    return ofRow ? ofRow(names[0], this.chain.frame.columns) : result(names, c);
  }

  /** The value that a reduction folds at a position. */
  private folded(block: Block, node: Folded, linear: string, args: StepArguments): string {
    const [x] = node.inputs;
    return emit(
      block,
      x,
      reshaped(atLinear([this.chain.frame.rows, this.chain.frame.columns], linear), x.shape, block.index),
      args,
    );
  }
}
