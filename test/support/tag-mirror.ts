import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach } from '@jest/globals';
import { noManifestLock } from '../../src/mirror/content/manifest-lock.ts';
import { createManifestStore } from '../../src/mirror/content/manifest-store.ts';
import { type MirroredManifests, createMirroredManifests } from '../../src/mirror/content/manifests.ts';
import type { MirroredRepository } from '../../src/mirror/names/routing.ts';
import { createNegativeCache } from '../../src/mirror/remote/negative-cache.ts';
import { createRemoteManifests } from '../../src/mirror/remote/remote-manifests.ts';
import { createUpstreamWaits } from '../../src/mirror/remote/upstream-waits.ts';
import type { UpstreamRequest } from '../../src/upstream/upstream-client.ts';
import { UpstreamError, type UpstreamErrorCode } from '../../src/upstream/upstream-error.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import type { Tag } from '../../src/oci/reference.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { digestOf, newImage } from './images.ts';
import { plain } from './plain.ts';
import { gate } from './until.ts';

/** What the upstream does with a request; undefined: it answers. */
type Failure = UpstreamErrorCode | { readonly until: Promise<unknown>; readonly then?: UpstreamErrorCode } | undefined;

const repository = 'ghcr.io/o/i';

/** Mirrored manifests over real stores, an upstream in memory and a clock that tests set. */
export class TagMirror {
  /** Milliseconds since 1970. */
  time = 1_000_000;
  /** Tags and manifests at the upstream. */
  tags = new Map<string, string>();
  manifests = new Map<string, string>();
  /** Requests that the upstream got, such as `HEAD manifests/1`. */
  requests: string[] = [];
  /** How the upstream fails, by method. */
  failures: { HEAD: Failure; GET: Failure } = { HEAD: undefined, GET: undefined };
  /** Manifests whose GET fails. */
  refused = new Map<string, UpstreamErrorCode>();
  /** How many clients have begun to wait, and how their waiting ends. */
  waiting = 0;
  patience = gate();
  mirrored!: MirroredManifests;
  /** The tag in the store. */
  stateOf!: (tag: string) => Promise<'there' | 'missing' | 'dropped'>;
  closeStores!: () => Promise<void>;
  private directory = '';

  /** Starts over an empty folder. */
  async open(): Promise<void> {
    const { time, tags, manifests, requests, failures, refused, waiting, patience } = new TagMirror();
    Object.assign(this, { time, tags, manifests, requests, failures, refused, waiting, patience });
    this.directory = await mkdtemp(join(tmpdir(), 'berth-tags-'));
    await this.start();
  }

  async close(): Promise<void> {
    await this.closeStores();
    await rm(this.directory, { recursive: true });
  }

  /** Starts a process over the folder's stores. */
  async start(staleWhileRevalidateSeconds = 0): Promise<void> {
    const driver = await createFilesystemDriver({ directory: this.directory });
    const metadata = await createSqliteStore({ file: join(this.directory, 'metadata.sqlite') });
    const now = () => this.time;
    const client = { request: (request: UpstreamRequest) => this.answer(request) };
    const ignore = () => undefined;
    const manifestStore = createManifestStore({
      driver,
      metadata,
      now,
      reserve: () => Promise.resolve(true),
      arriving: (_digest, work) => work(),
      events: {
        manifestNotStored(error) {
          throw error;
        },
      },
    });
    this.mirrored = createMirroredManifests({
      driver,
      metadata,
      remote: createRemoteManifests(() => client, 16 * 1024 * 1024, ignore),
      manifestStore,
      negativeCache: createNegativeCache(now),
      lock: noManifestLock,
      now,
      freshnessSeconds: () => 60,
      staleWhileRevalidateSeconds,
      negativeSeconds: 30,
      retrySeconds: 5,
      waits: createUpstreamWaits(1, (_seconds, signal) => {
        this.waiting++;
        return Promise.race([this.patience.opened, new Promise((_resolve, reject) => signal.addEventListener('abort', reject))]);
      }),
      onFetched: ignore,
    });
    this.stateOf = async (tag) => {
      const found = await plain(metadata).mirroredTags.find(repository, tag);
      if (!found) return 'dropped';
      return found.missingSince === null ? 'there' : 'missing';
    };
    this.closeStores = async () => {
      await metadata.close();
      await driver.close();
    };
  }

  source(logins: readonly object[] = []): MirroredRepository {
    return { repository, remoteName: 'o/i', upstream: { name: 'ghcr.io', logins } } as unknown as MirroredRepository;
  }

  /** The same repository, which berth reads by a login. */
  get withLogin(): MirroredRepository {
    return this.source([{ matches: () => true, source: { username: 'ci' } }]);
  }

  /** Points the tag at a new manifest. */
  move(tag: string): string {
    const { manifest } = newImage();
    const digest = digestOf(manifest);
    this.manifests.set(digest, manifest);
    this.tags.set(tag, digest);
    return digest;
  }

  /** Requests the tag; resolves to the digest and where it was found. */
  async ask(tag: string, bodyWanted = true, from = this.source()): Promise<readonly [string, string]> {
    const { digest, cache } = await this.mirrored.get(from, { tag: tag as Tag }, bodyWanted);
    return [digest, cache];
  }

  /** Requests a manifest by its digest. */
  pull(digest: string | undefined) {
    return this.mirrored.get(this.source(), { digest: digest as Digest }, true);
  }

  private async answer({ method, path }: UpstreamRequest): Promise<IncomingMessage> {
    this.requests.push(`${method} ${path}`);
    const failure = method === 'HEAD' ? this.failures.HEAD : this.failures.GET;
    if (typeof failure === 'string') throw new UpstreamError(failure, failure);
    await failure?.until;
    const reference = path.replace('manifests/', '');
    const code = failure?.then ?? (method === 'GET' ? this.refused.get(reference) : undefined);
    if (code) throw new UpstreamError(code, code);
    const digest = reference.includes(':') ? reference : this.tags.get(reference);
    const manifest = this.manifests.get(digest ?? '');
    if (manifest === undefined) throw new UpstreamError('not_found', 'not found');
    const headers = {
      'content-type': mediaTypes.ociManifest,
      'content-length': String(Buffer.byteLength(manifest)),
      'docker-content-digest': digest,
    };
    const body = Readable.from(method === 'GET' ? [Buffer.from(manifest)] : []);
    return Object.assign(body, { statusCode: 200, headers }) as unknown as IncomingMessage;
  }
}

/** Opens such a mirror before each test of the file, and closes it after the test. */
export function useTagMirror(): TagMirror {
  const mirror = new TagMirror();
  beforeEach(() => mirror.open());
  afterEach(() => mirror.close());
  return mirror;
}
