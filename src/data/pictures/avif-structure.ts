/** The sizes that an AVIF claims, before a library takes them for true: ISO/IEC 23008-12, 6.5.3. */

/** The property "image spatial extents": its type, four bytes of version and flags, width and height. */
const EXTENTS = Buffer.from('ispe');

/** The largest of its pictures, which may be made of tiles; undefined if none has a size. */
export function sizeOfAvif(content: Buffer): { readonly width: number; readonly height: number } | undefined {
  let largest: { width: number; height: number } | undefined;
  const pixels = content.indexOf('mdat');
  const header = pixels < 0 ? content : content.subarray(0, pixels);
  for (let at = header.indexOf(EXTENTS); at >= 0 && at + 16 <= header.length; at = header.indexOf(EXTENTS, at + 4)) {
    const [width, height] = [header.readUInt32BE(at + 8), header.readUInt32BE(at + 12)];
    if (largest === undefined || width * height > largest.width * largest.height) largest = { width, height };
  }
  return largest;
}
