/** Learning rates as pure functions of the step. */

/** The learning rate's settings. Each schedule reads those that it names. */
export interface ScheduleConfig {
  /** The rate that the schedule starts from, once warm. */
  readonly learningRate: number;
  /** Steps over which the rate grows linearly from zero to what the schedule says. 0: none. */
  readonly warmUp: number;
  /** step: what the rate is multiplied by ... */
  readonly decay: number;
  /** ... every so many steps. */
  readonly decayEvery: number;
  /** cosine: the rate that is reached when the run ends. */
  readonly floor: number;
}

export interface RunLength {
  readonly stepsPerEpoch: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
}

interface Schedule {
  /** Settings that it reads, beside the learning rate. */
  readonly uses: readonly (keyof ScheduleConfig)[];
  /** The rate after `done` steps, before any warm-up. */
  readonly rate: (done: number, config: ScheduleConfig, length: RunLength) => number;
}

const LAST_STAGE = 7;

export const schedules = {
  constant: { uses: [], rate: (_, { learningRate }) => learningRate },

  /** α · decay^⌊done / decayEvery⌋ */
  step: {
    uses: ['decay', 'decayEvery'],
    rate: (done, { learningRate, decay, decayEvery }) => learningRate * decay ** Math.floor(done / decayEvery),
  },

  /** floor + ½ (α − floor) (1 + cos(π · done / total)): Loshchilov & Hutter (2017), eq. 5, without restarts. */
  cosine: {
    uses: ['floor'],
    rate: (done, { learningRate, floor }, { totalSteps }) =>
      floor + 0.5 * (learningRate - floor) * (1 + Math.cos(Math.PI * Math.min(1, done / totalSteps))),
  },

  /** α · 10^(−i/7) in stage i = 0 ... 7, which takes 3ⁱ epochs: Burda, Grosse & Salakhutdinov (2016), section 5. */
  iwae: {
    uses: [],
    rate: (done, { learningRate }, { stepsPerEpoch }) => {
      const epochs = Math.floor(done / stepsPerEpoch);
      let stage = 0;
      // Stages 0 to i take (3ⁱ⁺¹ − 1) / 2 epochs together.
      while (stage < LAST_STAGE && epochs >= (3 ** (stage + 1) - 1) / 2) stage++;
      return learningRate * 10 ** (-stage / 7);
    },
  },
} as const satisfies Record<string, Schedule>;

export type ScheduleName = keyof typeof schedules;

/** The learning rate of the `step`-th update, counted from 1. */
export function learningRateAt(name: ScheduleName, step: number, config: ScheduleConfig, length: RunLength): number {
  const warmth = step < config.warmUp ? step / config.warmUp : 1;
  return warmth * schedules[name].rate(step - 1, config, length);
}
