import { pipeline } from 'node:stream/promises';
import type { Transform } from 'node:stream';
import { createGunzip, createGzip, createZstdCompress } from 'node:zlib';
import { InvalidLayer, LimitExceeded } from '../../images/layers/limits.ts';
import { unzstd } from '../../images/layers/zstd.ts';
import { archiveTooLarge, invalidArchive } from '../archive-error.ts';

/** How layers that an archive has uncompressed are stored. */
export type Compression = 'gzip' | 'zstd' | 'none';

/** Fewer chunks cost less: each comes from a thread. */
const chunkSize = 128 * 1024;

/** Unpacked bytes for each compressed one: deflate reaches 1,032 with zeros. */
const maxRatio = 1000;
/** Fewer unpacked bytes are no danger, whatever their ratio. */
const harmlessBytes = 16 * 1024 * 1024;

/** Compresses a stream. The same bytes make the same output, however they are divided into chunks. */
export async function* compress(source: AsyncIterable<Buffer>, compression: 'gzip' | 'zstd'): AsyncGenerator<Buffer> {
  yield* through(source, compression === 'gzip' ? createGzip({ chunkSize }) : createZstdCompress({ chunkSize }));
}

/** Log2 of the largest window of zstd data, 128 MiB: `zstd --ultra -22` and `--long` use it. */
const maxWindowLog = 27;

/**
 * Decompresses a stream, also of several gzip members or zstd frames; `what` names it in errors. Throws MANIFEST_INVALID for
 * damaged data, and SIZE_INVALID (413) for more than `limitBytes` or a ratio of more than 1000.
 */
export async function* decompress(
  source: AsyncIterable<Buffer>,
  compression: 'gzip' | 'zstd',
  { what, limitBytes }: { readonly what: string; readonly limitBytes: number },
): AsyncGenerator<Buffer> {
  let packed = 0;
  let unpacked = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      packed += chunk.length;
      yield chunk;
    }
  }
  const body = counted();
  try {
    for await (const chunk of compression === 'gzip' ? gunzip(body, what, () => packed) : unzstd(body, { maxWindowLog })) {
      unpacked += chunk.length;
      if (unpacked > limitBytes) throw archiveTooLarge(`${what} unpacks to more than ${limitBytes} bytes`);
      if (unpacked > harmlessBytes && unpacked > packed * maxRatio)
        throw archiveTooLarge(`${what} unpacks to more than ${maxRatio} times its size`);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof LimitExceeded) throw archiveTooLarge(`${what}: ${error.message}`);
    if (isZlibError(error) || error instanceof InvalidLayer)
      throw invalidArchive(`${what} is damaged: not ${compression} data (${error.message})`, error);
    throw error;
  } finally {
    // Not awaited: the source may wait for its next bytes.
    body.return(undefined).catch(() => undefined);
  }
}

/** `packedBytes`: returns the number of bytes that the source has yielded. */
async function* gunzip(source: AsyncIterable<Buffer>, what: string, packedBytes: () => number): AsyncGenerator<Buffer> {
  const transform = createGunzip({ chunkSize });
  yield* through(source, transform);
  // Node.js ignores what begins no member; Go, and so docker, refuses it.
  const rest = packedBytes() - transform.bytesWritten;
  if (rest > 0) throw invalidArchive(`${what} has ${rest} bytes after the end of its gzip data: expected none`);
}

async function* through(source: AsyncIterable<Buffer>, transform: Transform): AsyncGenerator<Buffer> {
  // The error of the source is the error of the transform, which the loop below throws.
  const feeding = pipeline(source, transform).catch(() => undefined);
  try {
    yield* transform as AsyncIterable<Buffer>;
  } finally {
    transform.destroy();
    await feeding;
  }
}

function isZlibError(error: unknown): error is { readonly code: string; readonly message: string } {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^(?:Z_|ZSTD_)/.test(code);
}
