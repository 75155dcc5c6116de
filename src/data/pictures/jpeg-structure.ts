/** How often a JPEG's decoder goes over the picture: ITU-T T.81, annex B. */

const START_OF_SCAN = 0xda;
const END = 0xd9;

/** Whether a marker stands alone: a restart, or a byte that is part of compressed data. */
const standsAlone = (marker: number): boolean =>
  marker === 0x00 || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** The number of scans: one, or about ten if it is progressive; a thousand if it is made to keep a decoder busy. */
export function countScans(content: Buffer): number {
  let scans = 0;
  for (let at = 2; ; ) {
    at = content.indexOf(0xff, at);
    if (at < 0 || at + 4 > content.length) return scans;
    const marker = content[at + 1];
    if (marker === END) return scans;
    if (marker === 0xff) at += 1;
    else if (standsAlone(marker)) at += 2;
    else {
      if (marker === START_OF_SCAN) scans++;
      // A thumbnail inside a segment has scans of its own.
      at += 2 + content.readUInt16BE(at + 2);
    }
  }
}
