/** What a file is, by how it begins and not by its name, in words for messages. */

export interface Format {
  /** With its article: "a JPEG". */
  readonly name: string;
  /** Whether it is read here; all but PNG by the package sharp alone. */
  readonly read: boolean;
  /**
   * Whether a decoder's warnings tell of lost pixels. Where they do not, as of a PNG's profile that is known to be
   * wrong, its errors tell of all damage.
   */
  readonly warns?: boolean;
  /** What it is instead of a picture; all others are pictures, to be converted. */
  readonly instead?: string;
}

export const PNG: Format = { name: 'a PNG', read: true };
const JPEG: Format = { name: 'a JPEG', read: true, warns: true };
const GIF: Format = { name: 'a GIF', read: true, warns: true };
const WEBP: Format = { name: 'a WebP', read: true };
export const TIFF: Format = { name: 'a TIFF', read: true, warns: true };
export const AVIF: Format = { name: 'an AVIF', read: true };

const unread = (name: string): Format => ({ name, read: false });
const noPicture = (name: string, remedy: string): Format => ({ name, read: false, instead: remedy });

/** First bytes as hexadecimal digits, or as text, at an offset. */
const MAGIC: readonly (readonly [string, number, Format])[] = [
  ['89504e470d0a1a0a', 0, PNG],
  ['ffd8ff', 0, JPEG],
  ['474946383761', 0, GIF],
  ['474946383961', 0, GIF],
  ['57454250', 8, WEBP],
  ['49492a00', 0, TIFF],
  ['4d4d002a', 0, TIFF],
  ['49492b00', 0, TIFF],
  ['4d4d002b', 0, TIFF],
  ['38425053', 0, unread('a Photoshop file (PSD)')],
  ['00000100', 0, unread('an icon (ICO)')],
  ['ff0a', 0, unread('a JPEG XL')],
  ['0000000c4a584c20', 0, unread('a JPEG XL')],
  ['0000000c6a502020', 0, unread('a JPEG 2000')],
  ['ff4fff51', 0, unread('a JPEG 2000')],
  ['762f3101', 0, unread('an OpenEXR')],
  ['233f52414449414e4345', 0, unread('a Radiance picture (HDR)')],
  ['44445320', 0, unread('a DirectDraw surface (DDS)')],
  ['53494d504c452020', 0, unread('a FITS file')],
  ['25504446', 0, unread('a PDF')],
  ['504b0304', 0, noPicture('a ZIP archive', 'unpack it first')],
  ['1f8b', 0, noPicture('a gzip archive', 'unpack it first')],
  ['1a45dfa3', 0, noPicture('a video', 'save its frames as PNGs')],
];

/** Brands of the container that AVIF shares with HEIC and with videos. */
const BRANDS: readonly (readonly [RegExp, Format])[] = [
  [/^(avif|avis)/, AVIF],
  [/^(hei[cmsx]|hev[cmsx]|mif1|msf1)/, unread('a HEIC')],
  [/^crx /, unread('a raw photograph')],
  [/^/, noPicture('a video', 'save its frames as PNGs')],
];

const WEB_PAGE = noPicture('a web page', 'download the picture itself');
const TEXT = noPicture('a text file', 'give a picture instead');
const SVG = unread('an SVG drawing');

/** What the file is, or undefined if nothing is known of it. */
export function formatOf(content: Buffer): Format | undefined {
  const found = MAGIC.find(([magic, at]) => content.toString('hex', at, at + magic.length / 2) === magic);
  if (found !== undefined) return found[2];
  if (content.toString('latin1', 4, 8) === 'ftyp') return formatByBrand(content);
  // Two letters alone also begin words: the header's length tells.
  if (/^BM/.test(content.toString('latin1', 0, 2)) && content.length > 18 && content.readUInt32LE(14) <= 124) {
    return unread('a BMP');
  }
  if (/^P[1-7]\s/.test(content.toString('latin1', 0, 3))) return unread('a Netpbm picture (PBM, PGM, PPM)');
  if (content.toString('latin1', content.length - 18).startsWith('TRUEVISION-XFILE')) return unread('a TGA');
  return formatOfText(content.subarray(0, 1024));
}

/** An AVIF's first brand may be the general one of the container. */
function formatByBrand(content: Buffer): Format {
  const brands = content.toString('latin1', 8, Math.min(content.length, content.readUInt32BE(0), 64));
  const first = brands.slice(0, 4);
  if (/^(mif1|msf1)/.test(first) && /avi[fs]/.test(brands)) return AVIF;
  return BRANDS.find(([brand]) => brand.test(first))![1];
}

function formatOfText(start: Buffer): Format | undefined {
  const text = start.toString('utf8').replace(/^\ufeff/, '');
  // The last character may be cut in two.
  const isText = text.trim() !== '' && !/[^\P{Cc}\s]|\ufffd/u.test(text.slice(0, -1));
  if (!isText) return undefined;
  if (text.trimStart().startsWith('<')) {
    if (/<svg\b/i.test(text)) return SVG;
    if (/<(!doctype html|html|head|body|title|script|meta)\b/i.test(text)) return WEB_PAGE;
  }
  return TEXT;
}
