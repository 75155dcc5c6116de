/** A GPU's memory, and copies to and from it, on one stream. */

import type { Address, Device, Pinned } from './device.ts';
import type { Driver } from './driver.ts';
import { viewOf } from './foreign.ts';

type Memory = Pick<Device, 'allocate' | 'free' | 'allocatePinned' | 'write' | 'read' | 'upload' | 'download'>;

export function memoryOn(driver: Driver, stream: bigint): Memory {
  const wait = (): void => driver.call('cuStreamSynchronize', stream);
  return {
    allocate: (bytes): Address => {
      const address = driver.ask('cuMemAlloc', Math.max(bytes, 1));
      driver.call('cuMemsetD8Async', address, 0, Math.max(bytes, 1), stream);
      return address;
    },
    free: (address) => driver.call('cuMemFree', address),
    allocatePinned: (bytes): Pinned => {
      const address = driver.ask('cuMemHostAlloc', Math.max(bytes, 1), 0);
      return { address, bytes: viewOf(address, bytes), release: () => driver.call('cuMemFreeHost', address) };
    },
    write: (address, source) => {
      if (source.byteLength > 0) driver.call('cuMemcpyHtoDAsync', address, source, source.byteLength, stream);
      wait();
    },
    read: (address, into) => {
      if (into.byteLength > 0) driver.call('cuMemcpyDtoHAsync', into, address, into.byteLength, stream);
      wait();
    },
    upload: (from, to, bytes) => {
      if (bytes > 0) driver.call('cuMemcpyHtoDAsync', to, from.address, bytes, stream);
    },
    download: (from, to, bytes) => {
      if (bytes > 0) driver.call('cuMemcpyDtoHAsync', to.address, from, bytes, stream);
    },
  };
}
