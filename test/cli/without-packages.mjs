/**
 * Loaded before the program by its tests: packages named in WITHOUT are not found, those in BROKEN fail when they are
 * loaded, as on a machine where they are not installed, or whose platform they were not made for.
 */

import { register } from 'node:module';

const names = (list = '') => list.split(',').filter((name) => name !== '');

const hooks = `
  const without = ${JSON.stringify(names(process.env.WITHOUT))};
  const broken = ${JSON.stringify(names(process.env.BROKEN))};
  export async function resolve(specifier, context, next) {
    if (without.includes(specifier)) {
      const error = new Error("Cannot find package '" + specifier + "' imported from " + context.parentURL);
      error.code = 'ERR_MODULE_NOT_FOUND';
      throw error;
    }
    if (broken.includes(specifier)) {
      const source = 'export const [env, InferenceSession, Tensor] = []; throw new Error("its native addon cannot be loaded\\\\nand more lines")';
      return { url: 'data:text/javascript,' + encodeURIComponent(source), shortCircuit: true };
    }
    return next(specifier, context);
  }
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
