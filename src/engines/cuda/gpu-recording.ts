/** Commands for a GPU: recorded from one stream as graphs, and points among them. */

import type { Multiplier } from './cublaslt.ts';
import type { Address, Commands, Event, Kernels, LaunchShape, Recording } from './device.ts';
import { type Driver, NOT_READY } from './driver.ts';
import { fixedWords } from './foreign.ts';

/** Events that only say that a point is reached cost less than those that take the time. */
const EVENT_WITHOUT_TIME = 2;
/** This thread may do anything while its stream is captured, such as load a kernel when it is first used. */
const CAPTURE_RELAXED = 2;
/** The most arguments that a kernel's source may have on every GPU: 4 KB of addresses. */
const MOST_ARGUMENTS = 512;

/** Loads images of kernels, whose commands are captured from a stream. */
export function loaderOn(driver: Driver, stream: bigint, multiplier: Multiplier): (image: Uint8Array) => Kernels {
  const wait = (): void => driver.call('cuStreamSynchronize', stream);
  const launchKernel = launcherOn(driver, stream);
  const multiply: Commands['multiply'] = (shape, a, b, c) => multiplier.multiply(shape, a, b, c, stream);
  const captured = fixedWords(1);

  const record = (functionOf: (kernel: string) => bigint, build: (commands: Commands) => void): Recording => {
    // Kernels are looked up and products run once before they are captured, so that what must be loaded for them is.
    build({ launch: (kernel) => void functionOf(kernel), multiply });
    wait();
    driver.call('cuStreamBeginCapture', stream, CAPTURE_RELAXED);
    try {
      build({ launch: (kernel, shape, args) => launchKernel(functionOf(kernel), shape, args), multiply });
    } finally {
      driver.call('cuStreamEndCapture', stream, captured.address);
    }
    const [graph] = captured.words;
    const executable = driver.ask('cuGraphInstantiate', graph, 0);
    driver.call('cuGraphDestroy', graph);
    driver.call('cuGraphUpload', executable, stream);
    return {
      launch: () => driver.call('cuGraphLaunch', executable, stream),
      release: () => {
        wait();
        driver.call('cuGraphExecDestroy', executable);
      },
    };
  };

  return (image) => {
    const module = driver.ask('cuModuleLoadData', image);
    const functions = new Map<string, bigint>();
    const functionOf = (kernel: string): bigint => {
      const known = functions.get(kernel) ?? driver.ask('cuModuleGetFunction', module, kernel);
      functions.set(kernel, known);
      return known;
    };
    return {
      record: (build) => record(functionOf, build),
      release: () => {
        wait();
        driver.call('cuModuleUnload', module);
      },
    };
  };
}

type Launch = (kernel: bigint, shape: LaunchShape, args: readonly Address[]) => void;

/** cuLaunchKernel takes pointers to the arguments: these stay where they are. */
function launcherOn(driver: Driver, stream: bigint): Launch {
  const values = fixedWords(MOST_ARGUMENTS);
  const pointers = fixedWords(MOST_ARGUMENTS);
  pointers.words.forEach((_, i) => {
    pointers.words[i] = values.address + BigInt(8 * i);
  });
  return (kernel, { blocks, threads }, args) => {
    values.words.set(args);
    const grid = [blocks, 1, 1, threads, 1, 1] as const;
    driver.call('cuLaunchKernel', kernel, ...grid, 0, stream, pointers.address, 0);
  };
}

export function createEvent(driver: Driver, stream: bigint): Event {
  const event = driver.ask('cuEventCreate', EVENT_WITHOUT_TIME);
  return {
    record: () => driver.call('cuEventRecord', event, stream),
    isDone: () => {
      const code = driver.codeOf('cuEventQuery', event);
      if (code !== 0 && code !== NOT_READY) driver.fail('cuEventQuery', code);
      return code === 0;
    },
    wait: () => driver.call('cuEventSynchronize', event),
    release: () => driver.call('cuEventDestroy', event),
  };
}
