import { type Hash, createHash } from 'node:crypto';
import { type Digest, digestOfHash } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import type { Author } from '../../registry/author.ts';
import type { Uploads } from '../../registry/uploads.ts';
import { type Compression, compress, decompress } from './compression.ts';
import type { Format } from './formats.ts';

/** Content of an archive in an upload session of the blob store. */
export interface StagedBlob {
  /** The id of the upload session. */
  readonly session: string;
  /** Of the bytes as they will be stored. */
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Of the bytes in the archive, which berth may have compressed on the way. */
  readonly archived: { readonly digest: Digest; readonly sizeBytes: number; readonly format: Format };
  /** The digest of the uncompressed bytes, if it was computed. */
  readonly diffId: Digest | undefined;
  readonly compression: 'none' | 'gzip' | 'zstd';
}

/** The account that sends an archive, and where its upload sessions count. */
export interface Sender {
  readonly repository: RepositoryName;
  /** Id of the account; '' without one. */
  readonly owner: string;
  readonly author: Author;
}

export interface StageOptions {
  /** Names the content in errors. */
  readonly what: string;
  readonly format: Format;
  /** How uncompressed tar files are stored. */
  readonly compression: Compression;
  /** Compute the diffID of compressed content, too. */
  readonly needsDiffId: boolean;
  readonly algorithm: 'sha256' | 'sha512';
  /** Largest number of uncompressed bytes. */
  readonly limitBytes: number;
}

/** Stores content in upload sessions, which expire if nothing finishes them. */
export interface Staging {
  stage(data: AsyncIterable<Buffer>, options: StageOptions): Promise<StagedBlob>;
  /** Drops the sessions that `stage` has begun, except those in `kept`. Failures are left to the expiry of uploads. */
  drop(kept?: ReadonlySet<string>): Promise<void>;
}

export function createStaging(uploads: Pick<Uploads, 'start' | 'append' | 'digest' | 'cancel'>, sender: Sender): Staging {
  const { repository, owner, author } = sender;
  const begun = new Set<string>();

  return {
    async stage(data, { what, format, compression, needsDiffId, algorithm, limitBytes }) {
      const id = await uploads.start(repository, algorithm, owner, author);
      begun.add(id);
      const packs = format === 'tar' && compression !== 'none' ? compression : undefined;
      const isUnpacked = needsDiffId && (format === 'gzip' || format === 'zstd');
      // The session hashes what it stores: only what is stored in another form is hashed here.
      const isStoredAsDiffId = format === 'tar' && !packs && algorithm === 'sha256';
      const archived = createCounter(packs && algorithm !== 'sha256' ? algorithm : undefined);
      const unpacked = createCounter('sha256');
      const stored = createCounter(undefined);
      let body: AsyncIterable<Buffer> = archived.watch(data);
      if (format === 'tar' && !isStoredAsDiffId) body = unpacked.watch(body);
      else if (isUnpacked) body = alongside(body, (copy) => unpacked.consume(decompress(copy, format, { what, limitBytes })));
      if (packs) body = stored.watch(compress(body, packs));
      const session = { id, repository, owner, author };
      await uploads.append(session, { body });
      const digest = await uploads.digest(session, algorithm);
      const unpackedDigest = format === 'tar' || isUnpacked ? (isStoredAsDiffId ? digest : unpacked.digest()) : undefined;
      return {
        session: id,
        digest,
        sizeBytes: packs ? stored.sizeBytes() : archived.sizeBytes(),
        archived: {
          digest: (packs ? (archived.digest() ?? unpackedDigest) : undefined) ?? digest,
          sizeBytes: archived.sizeBytes(),
          format,
        },
        diffId: unpackedDigest,
        compression: packs ?? (format === 'gzip' || format === 'zstd' ? format : 'none'),
      };
    },

    async drop(kept = new Set()) {
      for (const id of begun) {
        if (kept.has(id)) continue;
        await uploads.cancel({ id, repository, owner }).catch(() => undefined);
        begun.delete(id);
      }
    },
  };
}

/** Counts the bytes of a stream, and hashes them if `algorithm` is given. */
function createCounter(algorithm: 'sha256' | 'sha512' | undefined) {
  const hash: Hash | undefined = algorithm && createHash(algorithm);
  let sizeBytes = 0;
  async function* watch(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      hash?.update(chunk);
      sizeBytes += chunk.length;
      yield chunk;
    }
  }
  return {
    watch,
    async consume(source: AsyncIterable<Buffer>) {
      const chunks = watch(source);
      while ((await chunks.next()).done !== true);
    },
    sizeBytes: () => sizeBytes,
    /** Returns the digest of the bytes that were read so far; undefined if no algorithm was given. */
    digest: () => (hash && algorithm ? digestOfHash(hash.copy(), algorithm) : undefined),
  };
}

/** Yields the stream, and gives `reader` the same chunks, no further ahead than one chunk. Rejects with the error of either. */
async function* alongside(
  source: AsyncIterable<Buffer>,
  reader: (copy: AsyncIterable<Buffer>) => Promise<void>,
): AsyncGenerator<Buffer> {
  const copy = createHandover();
  const reading = reader(copy.chunks()).then(
    () => copy.stop(),
    (error: unknown) => copy.stop(error),
  );
  try {
    for await (const chunk of source) {
      await copy.give(chunk);
      yield chunk;
    }
    await copy.give(undefined);
    await reading;
    copy.assertIntact();
  } finally {
    copy.close();
  }
}

/** Hands chunks from one loop to another, one at a time. */
function createHandover() {
  let chunk: { readonly value: Buffer | undefined } | undefined;
  let isStopped = false;
  let failure: { readonly error: unknown } | undefined;
  let wake = () => {};
  let changed = nextChange();
  function nextChange(): Promise<void> {
    return new Promise((resolve) => (wake = resolve));
  }
  function notify(): void {
    const previous = wake;
    changed = nextChange();
    previous();
  }
  const isTaken = () => chunk === undefined;
  function assertIntact(): void {
    if (failure) throw failure.error;
  }
  return {
    assertIntact,
    async *chunks(): AsyncGenerator<Buffer> {
      for (;;) {
        while (!chunk && !isStopped) await changed;
        const taken = chunk;
        chunk = undefined;
        notify();
        if (!taken?.value) return;
        yield taken.value;
      }
    },
    /** Resolves when the reader has taken the chunk, or reads no more. `undefined` ends the stream. */
    async give(value: Buffer | undefined): Promise<void> {
      chunk = { value };
      notify();
      while (!isTaken() && !isStopped) await changed;
      assertIntact();
    },
    stop(error?: unknown): void {
      isStopped = true;
      if (error !== undefined) failure = { error };
      notify();
    },
    close(): void {
      isStopped = true;
      notify();
    },
  };
}
