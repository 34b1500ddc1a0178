import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../../config/schema.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { nameImages } from '../../maintenance/verify/affected-images.ts';
import { type VerificationOverview, createVerificationOverview } from '../../maintenance/verify/overview.ts';
import { type Peer, createPeerAttempts } from '../../maintenance/verify/peers.ts';
import { type Refetch, type Repair, createRepair } from '../../maintenance/verify/repair.ts';
import { type ScrubEvents, createScrub } from '../../maintenance/verify/scrub.ts';
import type { Suspects } from '../../maintenance/verify/suspects.ts';
import { type Verifier, createVerifier } from '../../maintenance/verify/verifier.ts';
import { fetchBlob } from '../../mirror/images/image-contents.ts';
import type { BackgroundMirror, Mirror } from '../../mirror/mirror.ts';
import type { Log } from '../../observability/log.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { createBandwidth } from '../../coordination/bandwidth.ts';

interface VerificationStores {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface VerificationParts extends VerificationStores {
  readonly mirror: Pick<Mirror, 'background'>;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'verification'>;
  /** Content of which this process has found the bytes missing or wrong. */
  readonly suspects: Suspects;
  /** The registries of `sync`. */
  readonly peers: readonly Peer[];
  /** Aborted when the process shuts down. */
  readonly closing: AbortSignal;
}

/** The verification of stored bytes in a server. */
export interface Verification {
  readonly overview: VerificationOverview;
  /** One run of the job. Ends early at shutdown. */
  run(): Promise<void>;
  /** Verifies what pulls in this process have found damaged. */
  checkSuspects(): Promise<void>;
  /** Resolves when the work in progress has ended. */
  close(): Promise<void>;
}

async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => undefined);
}

/** Makes the job that reads all stored bytes again and again. */
export function openVerification(config: Config, parts: VerificationParts): Verification {
  const { metadata, now, log, closing, suspects } = parts;
  const metrics = parts.metrics.verification;
  const overview = openVerificationOverview(config, parts);
  metrics.watch(overview);
  const scrub = createScrub({
    metadata,
    verifier: openVerifier(parts),
    repair: openRepair(parts),
    spend: createSpend(config.verify.bandwidth),
    everyMilliseconds: config.verify.every * 1000,
    now,
    random: Math.random,
    events: { ...reportVerification(log), verified: metrics.verified },
  });
  const running = new Set<Promise<void>>();

  /** Lets `close` wait for the work. Two jobs may run at the same time. */
  function tracked(work: Promise<void>): Promise<void> {
    const ended = work.catch(() => undefined).then(() => void running.delete(ended));
    running.add(ended);
    return work;
  }

  return {
    overview,
    run: () => tracked(scrub.run(closing)),
    checkSuspects: () => tracked(scrub.checkNow(suspects.take(), closing)),
    async close() {
      await Promise.all(running);
    },
  };
}

export function openVerificationOverview(config: Config, stores: VerificationStores): VerificationOverview {
  return createVerificationOverview({ ...stores, everyMilliseconds: config.verify.every * 1000 });
}

export function openVerifier({ driver, metadata, now }: VerificationStores): Verifier {
  return createVerifier({ driver, metadata, now, pause: sleep });
}

export function openRepair(parts: VerificationStores & Pick<VerificationParts, 'mirror' | 'peers'>): Repair {
  return createRepair({
    metadata: parts.metadata,
    refetch: refetchThrough(parts.mirror.background),
    peers: createPeerAttempts(parts),
    pause: (milliseconds) => sleep(milliseconds),
  });
}

/** Returns a function that limits reads to `bytesPerSecond`; 0: no limit. */
export function createSpend(bytesPerSecond: number): (bytes: number, signal: AbortSignal) => Promise<void> {
  if (bytesPerSecond === 0) return () => Promise.resolve();
  return createBandwidth({ bytesPerSecond, now: () => performance.now(), sleep }).spend;
}

/** Fetches content as a pull through the mirror does; a stored copy is not asked for, because it is in quarantine. */
function refetchThrough(mirror: BackgroundMirror): Refetch {
  return async (repository, digest, kind) => {
    const mayKnow = () => Promise.resolve(true);
    const source = await mirror.locate({ prefix: undefined, namespace: undefined, ownHost: () => '', name: repository, mayKnow });
    if (!source || source.isPushed) throw new Error('it mirrors no upstream of mirror.upstreams');
    if (kind === 'manifest') await mirror.manifest(source, { digest }, true);
    else await fetchBlob(mirror, source, digest, () => undefined);
  };
}

function reportVerification(log: Log): Omit<ScrubEvents, 'verified'> {
  return {
    corrupt: ({ digest, problem, images, more }) =>
      log.error(
        { digest, problem, images: nameImages(images), more },
        'stored content is corrupt and is not served until it is pushed or fetched again',
      ),
    unreadable: ({ digest, error }) => log.warn({ digest, err: error }, 'stored content could not be read and verified'),
    repaired: (digest) => log.info({ digest }, 'corrupt content is right again and is served'),
  };
}
