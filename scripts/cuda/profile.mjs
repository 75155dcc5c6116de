/** Where a step's time goes: every command of a recording by itself, repeated in a recording of its own. */

const REPEATS = 50;
const LAUNCHES = 20;

/** A device that remembers what is recorded on it. `recordings` holds one list of commands for each. */
export function watched(device) {
  const recordings = [];
  const compile = (source) => {
    const kernels = device.compile(source);
    const record = (build) => {
      const commands = [];
      const remember =
        (kind) =>
        (...args) =>
          commands.push({ kind, args });
      build({ launch: remember('launch'), multiply: remember('multiply') });
      recordings.push({ kernels, commands, source });
      return kernels.record(build);
    };
    return { ...kernels, record };
  };
  return { device: { ...device, compile }, recordings };
}

const nameOf = ({ kind, args }) => {
  if (kind === 'launch') return `${args[0]} ${args[1].blocks}×${args[1].threads}`;
  const { rows, columns, inner, transposeA, transposeB } = args[0];
  return `product [${rows}, ${inner}]${transposeA ? 'ᵀ' : ''} × [${inner}, ${columns}]${transposeB ? 'ᵀ' : ''}`;
};

/** Microseconds of each command, when the same one runs again and again; and of all of them together. */
export function profile(device, { kernels, commands }) {
  const timeOf = (list, repeats) => {
    const recording = kernels.record((target) => {
      for (let i = 0; i < repeats; i++) for (const { kind, args } of list) target[kind](...args);
    });
    const event = device.createEvent();
    const run = (launches) => {
      const start = performance.now();
      for (let i = 0; i < launches; i++) recording.launch();
      event.record();
      event.wait();
      return performance.now() - start;
    };
    run(3);
    const time = (1000 * run(LAUNCHES)) / (LAUNCHES * repeats);
    recording.release();
    event.release();
    return time;
  };
  const rows = commands.map((command) => ({ name: nameOf(command), time: timeOf([command], REPEATS) }));
  return { rows, together: timeOf(commands, 1) };
}
