/** The table that a training prints: its head once, then a row for each epoch. */

import type { Spread } from '../../evaluation/gradient-variance.ts';
import { bitsPerDimension, isEstimate, klName, numberName, unitOf } from '../../settings/contract.ts';
import type { RunConfig } from '../../settings/table.ts';
import type { EpochRecord } from '../../training/records.ts';
import { objectives } from '../../vae/objectives/index.ts';
import { formatSeconds, nats } from '../shared/words.ts';

interface Column {
  readonly name: string;
  /** In a narrow terminal the columns with the lowest numbers are left out first. */
  readonly rank: number;
  readonly width: number;
  readonly cell: (record: EpochRecord, seconds: number) => string;
}

/** What is known of a run before it begins. */
export interface TableOf {
  readonly config: RunConfig;
  readonly epochs: number;
  /** Values of an image. */
  readonly values: number;
}

const LIKELIHOOD = 'log p(x|z)';
const GAP = '  ';
const BEST = ' *';
/** Room for a bound of so many values: of 8 nats each, with its sign and two decimals. */
const widthFor = (values: number): number => Math.max(8, String(8 * values).length + 4);

function columnsFor({ config, epochs, values }: TableOf): Column[] {
  const number = (name: string, rank: number, value: (record: EpochRecord) => number, width = widthFor(values)) => ({
    name,
    rank,
    width: Math.max(width, name.length),
    cell: (record: EpochRecord) => nats(value(record)),
  });
  const bits = (nats: number): number | undefined => bitsPerDimension(nats, values, config);
  const digits = String(epochs).length;
  const columns: (Column | false)[] = [
    {
      name: 'epoch',
      rank: 9,
      width: Math.max(5, 2 * digits + 1),
      cell: ({ epoch }) => `${String(epoch).padStart(digits)}/${epochs}`,
    },
    number('train', 2, ({ train }) => train.bound),
    config.validation > 0 && number('validation', 7, ({ validation }) => validation?.bound ?? Number.NaN),
    number('test', 8, ({ test }) => test.bound),
    objectives[config.objective].hasPrior && number(LIKELIHOOD, 1, ({ test }) => test.logLikelihood),
    objectives[config.objective].hasPrior && number(klName(config), 4, ({ test }) => test.kl, 6),
    bits(0) !== undefined && { name: 'bits/dim', rank: 3, width: 8, cell: ({ test }) => bits(test.bound)!.toFixed(3) },
    { name: 'time', rank: 5, width: 10, cell: (_, seconds) => formatSeconds(seconds) },
  ];
  return columns.filter((column) => column !== false);
}

const widthOf = (columns: readonly Column[]): number =>
  columns.reduce((sum, { width }) => sum + width + GAP.length, BEST.length - GAP.length);

/** The columns that a terminal has room for. */
function fitting(columns: readonly Column[], room: number): readonly Column[] {
  if (widthOf(columns) <= room || columns.length === 2) return columns;
  const least = Math.min(...columns.map(({ rank }) => rank));
  return fitting(
    columns.filter(({ rank }) => rank !== least),
    room,
  );
}

export class EpochTable {
  private readonly columns: readonly Column[];
  /** What the numbers are. */
  readonly caption: string;
  readonly head: string;

  /** @param room columns of the terminal; undefined where there is none, and every column is shown. */
  constructor(table: TableOf, room: number | undefined) {
    const { config } = table;
    this.columns = fitting(columnsFor(table), room ?? Number.POSITIVE_INFINITY);
    const has = (name: string): boolean => this.columns.some((column) => column.name === name);
    const [terms, kl] = [[LIKELIHOOD, klName(config)].filter(has), klName(config)];
    const parts = [
      `${numberName(config)}, ${unitOf(config)}, higher is better`,
      ...(terms.length > 0
        ? [`${terms.join(' and ')} of the test images${objectives[config.objective].addsUp ? '' : "' ELBO"}`]
        : []),
      ...(isEstimate(config) && has(kl) ? ['≈ is an estimate, which may be below 0'] : []),
      `* the best so far by the ${config.validation > 0 ? 'validation' : 'test'} images`,
    ];
    this.caption = parts.join('; ');
    this.head = this.line((column) => column.name);
  }

  row(record: EpochRecord, seconds: number): string {
    return this.line((column) => column.cell(record, seconds)) + (record.best ? BEST : '');
  }

  private line = (cell: (column: Column) => string): string =>
    this.columns.map((column) => cell(column).padStart(column.width)).join(GAP);
}

/** The variances of both gradient estimators, where a run measures them. */
export const formatVariances = (spreads: Readonly<Record<string, Spread>>): string =>
  `variance of the encoder's gradient: ${Object.entries(spreads)
    .map(([name, { variance }]) => `${name} ${variance.toPrecision(3)}`)
    .join(', ')}`;
