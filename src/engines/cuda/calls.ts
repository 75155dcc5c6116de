/** Calls of one recording under way: each has pinned memory for what goes in and what comes out. */

import type { Results } from '../engine.ts';
import type { Address, Device, Event, Pinned, Recording } from './device.ts';

/** Calls that may be under way at once; a further call waits for the oldest of them. */
export const CALLS_AHEAD = 4;

interface Place {
  readonly address: Address;
  readonly bytes: number;
}

interface Slot {
  readonly call: Pinned;
  readonly results: Pinned;
  readonly done: Event;
  /** Hands on the results, or the error, of the call that the slot is in use for. */
  finish?: ((error?: unknown) => void) | undefined;
}

export class CallQueue {
  private readonly device: Device;
  private readonly recording: Recording;
  private readonly places: { readonly call: Place; readonly results: Place };
  private readonly free: Slot[];
  private readonly slots: readonly Slot[];
  /** The oldest first: they are done in this order. */
  private readonly underWay: Slot[] = [];
  private isWatching = false;

  constructor(device: Device, recording: Recording, places: { readonly call: Place; readonly results: Place }) {
    this.device = device;
    this.recording = recording;
    this.places = places;
    this.slots = Array.from({ length: CALLS_AHEAD }, () => ({
      call: device.allocatePinned(places.call.bytes),
      results: device.allocatePinned(places.results.bytes),
      done: device.createEvent(),
    }));
    this.free = [...this.slots];
  }

  /** Queues a call: `fill` writes what goes in, at once; `collect` reads what came out, once it has. */
  enqueue(fill: (bytes: ArrayBuffer) => void, collect: (bytes: ArrayBuffer) => Results): Promise<Results> {
    if (this.free.length === 0) this.finishOldest();
    const slot = this.free.pop()!;
    return new Promise((resolve, reject) => {
      try {
        const { device, places } = this;
        fill(slot.call.bytes);
        device.upload(slot.call, places.call.address, places.call.bytes);
        this.recording.launch();
        device.download(places.results.address, slot.results, places.results.bytes);
        slot.done.record();
      } catch (error) {
        this.free.push(slot);
        throw error;
      }
      slot.finish = (error) => {
        if (error === undefined) resolve(collect(slot.results.bytes));
        else reject(error);
      };
      this.underWay.push(slot);
      this.watch();
    });
  }

  /** Waits for what is under way, and frees the memory. */
  release(): void {
    while (this.underWay.length > 0) this.finishOldest();
    for (const { call, results, done } of this.slots) {
      call.release();
      results.release();
      done.release();
    }
  }

  private finishOldest(): void {
    const [slot] = this.underWay;
    this.settle(() => {
      slot.done.wait();
      return true;
    });
  }

  /** Looks, between other work of the event loop, whether calls are done. */
  private watch(): void {
    if (this.isWatching) return;
    this.isWatching = true;
    const look = (): void => {
      while (this.underWay.length > 0 && this.settle(() => this.underWay[0].done.isDone())) {}
      this.isWatching = this.underWay.length > 0;
      if (this.isWatching) setImmediate(look);
    };
    setImmediate(look);
  }

  /** Finishes the oldest call if it is done, or has failed; says whether. */
  private settle(isDone: () => boolean): boolean {
    let failure: unknown;
    try {
      if (!isDone()) return false;
    } catch (error) {
      failure = error;
    }
    const slot = this.underWay.shift()!;
    this.free.push(slot);
    slot.finish?.(failure);
    slot.finish = undefined;
    return true;
  }
}
