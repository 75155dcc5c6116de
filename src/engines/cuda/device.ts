/** What the engine asks of a device: memory, kernels made from source, matrix products, and commands recorded once. */

import type { ProductShape } from '../compiled/plan.ts';
import type { Address, Memory } from '../compiled/residents.ts';

export type { Address, ProductShape };

/** Memory of the host that the device can copy from and to while the program goes on. */
export interface Pinned {
  readonly address: Address;
  /** A view of it; not to be used after `release`. */
  readonly bytes: ArrayBuffer;
  release(): void;
}

/** A kernel's threads. All of its arguments are addresses. */
export interface LaunchShape {
  readonly blocks: number;
  readonly threads: number;
}

/** What a device does, in this order. */
export interface Commands {
  launch(kernel: string, shape: LaunchShape, args: readonly Address[]): void;
  multiply(shape: ProductShape, a: Address, b: Address, c: Address): void;
}

/** Commands that have been recorded, and run as one. */
export interface Recording {
  launch(): void;
  release(): void;
}

/** Compiled source. */
export interface Kernels {
  /** Records commands; the kernels are those of the source. Nothing runs yet. */
  record(build: (commands: Commands) => void): Recording;
  release(): void;
}

/** A point among the commands given so far. */
export interface Event {
  record(): void;
  /** Whether everything before the point is done. Throws EngineError if something before it failed. */
  isDone(): boolean;
  /** Waits until it is. */
  wait(): void;
  release(): void;
}

/**
 * A device executes commands in the order in which they are given: launches and copies form one queue. All calls are
 * made from one thread. Every method throws EngineError where the device fails.
 */
export interface Device extends Memory {
  /** As a person reads it. */
  readonly description: string;
  /** Zeros, at a multiple of 256 bytes. */
  allocate(bytes: number): Address;
  free(address: Address): void;
  allocatePinned(bytes: number): Pinned;
  /** Copies now: behind everything queued, and done on return. */
  write(address: Address, values: ArrayBufferView): void;
  read(address: Address, into: ArrayBufferView): void;
  /** Copies in the queue's turn. */
  upload(from: Pinned, to: Address, bytes: number): void;
  download(from: Address, to: Pinned, bytes: number): void;
  compile(source: string): Kernels;
  createEvent(): Event;
}
