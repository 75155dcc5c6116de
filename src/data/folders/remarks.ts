/** What is to be said of a folder's images together: one line for each thing that was done to some of them. */

import { counted } from '../../base/words.ts';
import type { DecodedImage } from '../pictures/decode-files.ts';

/** A row or two beyond a square, which nobody misses. */
const NEGLIGIBLE = 0.01;

export class Remarks {
  private count = 0;
  private cut = 0;
  private mostCut = 0;
  private onBlack = 0;
  private readonly ignored = new Map<string, number>();

  add({ cutOff, onBlack, ignored }: DecodedImage): void {
    this.count++;
    if (cutOff > NEGLIGIBLE) this.cut++;
    this.mostCut = Math.max(this.mostCut, cutOff);
    if (onBlack) this.onBlack++;
    if (ignored !== undefined) this.ignored.set(ignored, (this.ignored.get(ignored) ?? 0) + 1);
  }

  lines(): string[] {
    const of = (some: number, are = 'are'): string =>
      `${some} of ${counted(this.count, 'image')} ${some === 1 && are === 'are' ? 'is' : are}`;
    const lines: string[] = [];
    if (this.cut > 0) {
      lines.push(`${of(this.cut)} not square: up to ${Math.round(100 * this.mostCut)} % of each is cut off`);
    }
    if (this.onBlack > 0) lines.push(`${of(this.onBlack)} laid on black, because white would hide what is drawn there`);
    for (const [what, some] of this.ignored) lines.push(`${of(some)} ${what}`);
    return lines;
  }
}
