/** A schedule as text, for people: one line a step, with how it is launched. */

import { formatPlan } from '../compiled/plan-text.ts';
import type { Schedule } from './schedule.ts';

export const formatSchedule = (schedule: Schedule): string =>
  formatPlan(
    schedule,
    ({ name, shape: { blocks, threads } }) => `${name.replace(/_[0-9a-f]+$/, '')} ${blocks}×${threads}`,
  );
