import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** Smaller bodies fit into one packet as they are. */
const smallestBytes = 1024;

/** The lowest quality that compresses: a view of 50 rows shrinks to a tenth, for a tenth of its CPU. */
const viewOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 16 } };

const compressFile = promisify(gzip);

/**
 * Ends a response with a view, compressed if that reveals nothing. The size of a compressed view tells whether a text of its
 * URL is also in its content, such as the name of a private repository (BREACH). So a view is compressed only if the browser says
 * that no other site has caused the request, which browsers do over https and on localhost.
 */
export function endView(response: ServerResponse, bytes: Buffer): void {
  response.setHeader('Vary', 'Accept-Encoding, Sec-Fetch-Site');
  const { req: request } = response;
  const site = request.headers['sec-fetch-site'];
  const isOurs = site === 'same-origin' || site === 'none';
  // A notice may contain a secret. The response with the view that shows it also deletes the cookie of the notice.
  const hasNotice = response.hasHeader('Set-Cookie');
  if (!isOurs || hasNotice || bytes.length < smallestBytes || !accepts(request, 'br')) {
    end(response, bytes);
    return;
  }
  // Another thread compresses: pulls go on meanwhile.
  brotliCompress(bytes, viewOptions, (error, compressed) => {
    // Answered meanwhile: the body of the request did not arrive in time.
    if (response.headersSent) return;
    if (!error) response.setHeader('Content-Encoding', 'br');
    end(response, error ? bytes : compressed);
  });
}

function end(response: ServerResponse, bytes: Buffer): void {
  response.setHeader('Content-Length', bytes.length);
  response.end(bytes);
}

/** A file that many clients get. It is compressed once, when the first client asks for it. */
export interface CompressibleFile {
  readonly bytes: Buffer;
  /** Resolves to `undefined` if the file cannot be compressed. */
  gzipped?: Promise<Buffer | undefined>;
}

/** Resolves to the bytes of a file for the client of a request. Sets the headers that describe their encoding. */
export async function encodedFile(response: ServerResponse, file: CompressibleFile): Promise<Buffer> {
  response.setHeader('Vary', 'Accept-Encoding');
  if (file.bytes.length < smallestBytes || !accepts(response.req, 'gzip')) return file.bytes;
  file.gzipped ??= compressFile(file.bytes, { level: constants.Z_BEST_COMPRESSION }).catch(() => undefined);
  const gzipped = await file.gzipped;
  if (gzipped) response.setHeader('Content-Encoding', 'gzip');
  return gzipped ?? file.bytes;
}

/** Returns true if the client takes the encoding (RFC 9110 section 12.5.3). */
function accepts({ headers }: IncomingMessage, encoding: string): boolean {
  const weights = new Map<string, number>();
  for (const item of (headers['accept-encoding'] ?? '').split(',')) {
    const [name = '', weight = ''] = item.toLowerCase().split(';');
    weights.set(name.trim(), Number(/^\s*q\s*=\s*([\d.]+)\s*$/.exec(weight)?.[1] ?? 1));
  }
  return (weights.get(encoding) ?? weights.get('*') ?? 0) > 0;
}
