import type { IncomingMessage, ServerResponse } from 'node:http';
import { appendBytes } from './send-object.ts';
import { serveObject } from './serve-object.ts';

/** A file that clients have made. */
export interface Attachment {
  readonly name: string;
  readonly sizeBytes: number;
  /** SHA-256 in hexadecimal digits. */
  readonly sha256: string;
  /** Yields `length` bytes from `offset` on. */
  stream(offset: number, length: number): AsyncIterable<Buffer>;
}

/**
 * Sends a file that anybody may have made, with ranges and conditions: as an attachment of no type, so that no browser shows it
 * as a page of this server.
 */
export async function serveAttachment(
  request: IncomingMessage,
  response: ServerResponse,
  { name, sizeBytes, sha256, stream }: Attachment,
): Promise<void> {
  await serveObject(request, response, {
    sizeBytes,
    etag: `"${sha256}"`,
    contentType: 'application/octet-stream',
    headers: {
      'Cache-Control': 'private, no-cache',
      'Content-Disposition': dispositionOf(name),
      'Content-Security-Policy': "sandbox; default-src 'none'",
      'X-Content-Type-Options': 'nosniff',
    },
    async write(response, { first, last }) {
      for await (const chunk of stream(first, last - first + 1)) await appendBytes(response, chunk);
    },
  });
}

/** Returns the header with the name in ASCII, for programs that know no other form, and in UTF-8 (RFC 6266). */
function dispositionOf(name: string): string {
  const ascii = name.replace(/[^A-Za-z0-9._+-]/g, '_');
  const encoded = encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
