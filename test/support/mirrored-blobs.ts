import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import type { TestBerth } from './berth.ts';
import { type Answer, call } from './call.ts';
import { type FakeUpstream, type FakeUpstreamOptions, startFakeUpstream } from './fake-upstream.ts';
import { startMirror } from './mirror.ts';

/** A berth that mirrors one fake upstream, `ghcr.io`, whose blobs come from another host. */
export interface BlobMirror {
  readonly upstream: FakeUpstream;
  /** Assigned anew by tests that restart it. */
  berth: TestBerth;
  /** Closes both and starts them with these options. */
  startAnew(options: FakeUpstreamOptions, mirror?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Closes berth and starts one over an empty folder with these settings of the section `mirror`. */
  startBerthAnew(mirror: Readonly<Record<string, unknown>>): Promise<void>;
  /** Starts another process of the same installation. */
  startOther(): Promise<TestBerth>;
  pathOf(digest: string, repository?: string): string;
  get(digest: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Requests to the host of the blobs. */
  blobGets(): number;
  /** Files of downloads. */
  partials(): Promise<string[]>;
}

/** Starts such a mirror before each test of the file, and closes it after the test. */
export function useBlobMirror(): BlobMirror {
  let upstream: FakeUpstream;
  let berth: TestBerth;
  const upstreams = () => ({ 'ghcr.io': { url: upstream.url } });

  async function start(options: FakeUpstreamOptions, mirror: Readonly<Record<string, unknown>> = {}): Promise<void> {
    upstream = await startFakeUpstream(options);
    berth = await startMirror({ upstreams: upstreams(), ...mirror });
  }
  async function close(): Promise<void> {
    await berth.close();
    await upstream.close();
  }
  const pathOf = (digest: string, repository = 'o/i') => `/v2/ghcr.io/${repository}/blobs/${digest}`;

  beforeEach(() => start({ auth: 'bearer', redirectBlobs: true }));
  afterEach(close);
  return {
    get upstream() {
      return upstream;
    },
    get berth() {
      return berth;
    },
    set berth(restarted) {
      berth = restarted;
    },
    async startAnew(options, mirror) {
      await close();
      await start(options, mirror);
    },
    async startBerthAnew(mirror) {
      await berth.close();
      berth = await startMirror({ upstreams: upstreams(), ...mirror });
    },
    startOther: () => startMirror({ upstreams: upstreams() }, berth.environment),
    pathOf,
    get: (digest, headers = {}) => call(berth, 'GET', pathOf(digest), { headers }),
    blobGets: () => upstream.count('GET', /verify=/, 'cdn'),
    partials: () => readdir(join(berth.directory, '.berth/fills/ghcr.io')),
  };
}
