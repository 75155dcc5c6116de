/**
 * Positions as sums of multiples of loop variables, whose ranges are known: then coordinates are sums too, and a compiler
 * sees which positions are neighbours. (i · 640 + j · 64 + k) / 64 % 10 is j where k < 64 and j < 10.
 */

import type { Indices } from '../compiled/positions.ts';

/** Σ factor · name + constant. */
interface Form {
  readonly terms: ReadonlyMap<string, number>;
  readonly constant: number;
}

export class Affine implements Indices {
  private readonly forms = new Map<string, Form>();
  /** The largest value of each name that is no sum of others; the least is 0. */
  private readonly largest = new Map<string, number>();
  /** Divisors of `whole` that positions were divided by in vain: where it should be cut into several loops. */
  readonly cuts = new Set<number>();
  private readonly whole: string | undefined;

  /** @param whole the variable of a single loop over all positions. */
  constructor(whole?: string) {
    this.whole = whole;
  }

  /** A variable from 0 to `count` − 1. */
  declare(name: string, count: number): void {
    this.largest.set(name, count - 1);
    this.forms.set(name, { terms: new Map([[name, 1]]), constant: 0 });
  }

  note(name: string, expression: string): void {
    this.forms.set(name, this.formOf(expression) ?? this.opaque(name, expression));
  }

  coordinate(linear: string, divisor: number, size?: number): string | undefined {
    const form = this.formOf(linear);
    if (form === undefined) return undefined;
    const [quotient, rest] = divided(form, divisor);
    const found = this.isWithin(rest, divisor) ? this.modulo(quotient, size) : undefined;
    if (found === undefined && this.whole !== undefined && form.terms.has(this.whole)) {
      this.cuts.add(divisor);
      if (size !== undefined) this.cuts.add(divisor * size);
    }
    return found === undefined ? undefined : textOf(found);
  }

  private modulo(form: Form, size: number | undefined): Form | undefined {
    if (size === undefined) return form;
    const [, rest] = divided(form, size);
    return this.isWithin(rest, size) ? rest : undefined;
  }

  private isWithin({ terms, constant }: Form, size: number): boolean {
    let most = constant;
    for (const [name, factor] of terms) {
      const largest = this.largest.get(name);
      if (largest === undefined || factor < 0) return false;
      most += factor * largest;
    }
    return constant >= 0 && most < size;
  }

  private formOf(expression: string): Form | undefined {
    const terms = new Map<string, number>();
    let constant = 0;
    for (const [, sign, term] of ` + ${expression}`.matchAll(/ ([+-]) ((?:(?! [+-] ).)+)/g)) {
      const factor = sign === '+' ? 1 : -1;
      if (/^\d+$/.test(term)) {
        constant += factor * Number(term);
        continue;
      }
      const [, name, times = '1'] = /^([a-z]\w*)(?: \* (\d+))?$/.exec(term) ?? [];
      const form = name === undefined ? undefined : this.forms.get(name);
      if (form === undefined) return undefined;
      const scale = factor * Number(times);
      constant += scale * form.constant;
      for (const [inner, count] of form.terms) terms.set(inner, (terms.get(inner) ?? 0) + scale * count);
    }
    return { terms, constant };
  }

  /** A name that stands for itself. */
  private opaque(name: string, expression: string): Form {
    const [, modulus] = / % (\d+)$/.exec(expression) ?? [];
    if (modulus !== undefined) this.largest.set(name, Number(modulus) - 1);
    return { terms: new Map([[name, 1]]), constant: 0 };
  }
}

/** form = divisor · quotient + rest */
function divided({ terms, constant }: Form, divisor: number): readonly [quotient: Form, rest: Form] {
  const [quotient, rest] = [new Map<string, number>(), new Map<string, number>()];
  for (const [name, factor] of terms) {
    if (factor % divisor === 0) quotient.set(name, factor / divisor);
    else rest.set(name, factor);
  }
  const whole = Math.floor(constant / divisor);
  return [
    { terms: quotient, constant: whole },
    { terms: rest, constant: constant - whole * divisor },
  ];
}

function textOf({ terms, constant }: Form): string {
  const parts = [...terms]
    .filter(([, factor]) => factor !== 0)
    .map(([name, factor]) => (factor === 1 ? name : `${name} * ${factor}`));
  if (parts.length === 0) return String(constant);
  if (constant === 0) return parts.join(' + ');
  return `${parts.join(' + ')} ${constant < 0 ? '-' : '+'} ${Math.abs(constant)}`;
}
