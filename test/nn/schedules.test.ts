import { describe, expect, it } from 'vitest';
import { learningRateAt, type ScheduleConfig, type ScheduleName } from '../../src/nn/schedules.ts';

const config: ScheduleConfig = { learningRate: 1, warmUp: 0, decay: 0.5, decayEvery: 3, floor: 0.1 };
const length = { stepsPerEpoch: 2, totalSteps: 10 };

const rates = (name: ScheduleName, steps: number, given: Partial<ScheduleConfig> = {}) =>
  Array.from({ length: steps }, (_, i) =>
    Number(learningRateAt(name, i + 1, { ...config, ...given }, length).toFixed(7)),
  );

// Golden numbers: torch 1.13.1
//   o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.); s = SCHEDULER(o, ...)
//   for _ in range(10): print(o.param_groups[0]['lr']); o.step(); s.step()
describe('the learning rate', () => {
  it('may be constant', () => expect(rates('constant', 3)).toEqual([1, 1, 1]));

  it('falls in steps as in PyTorch', () => {
    // torch.optim.lr_scheduler.StepLR(o, 3, gamma=0.5)
    expect(rates('step', 10)).toEqual([1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]);
  });

  it('falls along a cosine as in PyTorch, and stays at the floor', () => {
    // torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=10, eta_min=0.1)
    expect(rates('cosine', 12)).toEqual([
      1, 0.9779754, 0.9140576, 0.8145034, 0.6890576, 0.55, 0.4109424, 0.2854966, 0.1859424, 0.1220246, 0.1, 0.1,
    ]);
  });

  it('falls in the eight stages of the IWAE paper, 3,280 epochs in all', () => {
    const ofEpoch = (epoch: number) => learningRateAt('iwae', 2 * epoch, config, length);
    const stages = [1, 3, 9, 27, 81, 243, 729, 2187];
    let epoch = 0;
    stages.forEach((epochs, i) => {
      expect(learningRateAt('iwae', 2 * epoch + 1, config, length)).toBeCloseTo(10 ** (-i / 7), 12);
      epoch += epochs;
      expect(ofEpoch(epoch)).toBeCloseTo(10 ** (-i / 7), 12);
    });
    expect(epoch).toBe(3280);
    expect(ofEpoch(5000)).toBeCloseTo(0.1, 12);
  });

  it('grows linearly at first, to what the schedule says', () => {
    expect(rates('constant', 6, { warmUp: 4 })).toEqual([0.25, 0.5, 0.75, 1, 1, 1]);
    expect(rates('step', 6, { warmUp: 4 })).toEqual([0.25, 0.5, 0.75, 0.5, 0.5, 0.5]);
    expect(rates('constant', 2, { warmUp: 1 })).toEqual([1, 1]);
  });
});
