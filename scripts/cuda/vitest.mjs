/** What the conformance suite uses of vitest, for machines without it: tests are collected, and run one after the other. */

import assert from 'node:assert/strict';

const tests = [];
const path = [];

export function describe(name, body) {
  path.push(name);
  body();
  path.pop();
}

export function it(name, body) {
  tests.push({ name: [...path, name].join(' > '), body });
}

/** A property that is undefined is as good as none. */
const withoutUndefined = (value) =>
  value?.constructor === Object
    ? Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined))
    : value;

export const expect = (actual) => ({
  toBe: (expected) => assert.equal(actual, expected),
  toEqual: (expected) => assert.deepEqual(withoutUndefined(actual), withoutUndefined(expected)),
  toBeLessThan: (expected) => assert.ok(actual < expected, `expected ${actual} to be less than ${expected}`),
  toBeLessThanOrEqual: (expected) => assert.ok(actual <= expected, `expected ${actual} to be at most ${expected}`),
  toBeCloseTo: (expected, digits = 2) =>
    assert.ok(Math.abs(actual - expected) < 10 ** -digits / 2, `expected ${actual} to be close to ${expected}`),
  toThrow: (text) => {
    let failure;
    try {
      actual();
    } catch (error) {
      failure = error;
    }
    expectFailure(failure, text);
  },
  rejects: {
    toThrow: async (text) => {
      const failure = await actual.then(
        () => undefined,
        (error) => error,
      );
      expectFailure(failure, text);
    },
  },
});

const expectFailure = (failure, text) =>
  assert.ok(failure?.message.includes(text), `expected a failure with "${text}", got ${failure?.message}`);

/** Runs what was collected; calls `report` with the name and the error of each failure, and returns both counts. */
export async function runTests(report) {
  let failed = 0;
  for (const { name, body } of tests) {
    try {
      await body();
    } catch (error) {
      failed++;
      report(name, error);
      // A device that is lost fails everything behind it too.
      if (/lost to this process/.test(error.message)) break;
    }
  }
  return { passed: tests.length - failed, failed };
}
