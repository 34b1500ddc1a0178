import { setTimeout as delay } from 'node:timers/promises';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type ContentsOptions, type ImageContents, contentsOf, fetchBlob, locateImage } from './image-contents.ts';
import type { ImageName } from './image-name.ts';
import type { MirrorMetrics } from '../mirror-metrics.ts';
import type { Mirror } from '../mirror.ts';
import type { MirroredRepository } from '../names/routing.ts';

/** Keeps the images here that an operator has listed: as their upstreams have them, and whole. */
export interface Refresh {
  /**
   * One turn: each image is looked up again, what belongs to it is pinned, and what is missing is fetched. Clients go
   * first. What fails is told to the log, stays as it was, and is tried again a while later.
   */
  run(): Promise<void>;
  /** Ends the turn that is going on, and resolves when it has ended: once the mirror is closed at the latest. */
  close(): Promise<void>;
}

export interface PinnedImage {
  /** As the operator has written it. */
  readonly text: string;
  readonly name: ImageName;
}

export interface RefreshOptions extends Pick<ContentsOptions, 'manifestBytes' | 'platforms'> {
  readonly mirror: Pick<Mirror, 'background' | 'pressure'>;
  readonly metadata: MetadataStore;
  readonly images: readonly PinnedImage[];
  /** After which what failed is tried again. */
  readonly retrySeconds: number;
  /** Of mirrored content. */
  readonly maxBytes: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly metrics: Pick<MirrorMetrics, 'refreshed'>;
  readonly log: { warn(fields: object, message: string): void };
}

const attempts = 3;
/** How often it is looked whether clients have left something of the upstream. */
const pauseMilliseconds = 1000;
/** Part of the mirror's size above which pins leave too little for everything else. */
const most = 0.8;

export function createRefresh(options: RefreshOptions): Refresh {
  const { metadata, images, retrySeconds, maxBytes, now, metrics, log } = options;
  const { background, pressure } = options.mirror;
  const closing = new AbortController();
  const { signal } = closing;
  let running: Promise<void> = Promise.resolve();

  async function turn(): Promise<void> {
    const listed = new Set(images.map(({ text }) => text));
    for (const image of await metadata.mirrorPins.listImages())
      if (!listed.has(image)) await metadata.mirrorPins.removeBefore(image, now() + 1);
    await refreshAll();
    const pinnedBytes = images.length === 0 ? 0 : await metadata.mirrorPins.totalBytes();
    if (pinnedBytes > maxBytes * most) {
      log.warn({ pinnedBytes, maxBytes }, 'mirror.refresh.images need nearly all of mirror.maxSize: make it larger');
    }
  }

  async function refreshAll(): Promise<void> {
    let left = images;
    for (let count = 0; count < attempts && left.length > 0; count++) {
      if (count > 0) await delay(retrySeconds * 1000, undefined, { signal });
      const failed: PinnedImage[] = [];
      for (const image of left) if (!(await attempt(image))) failed.push(image);
      left = failed;
    }
  }

  async function attempt(image: PinnedImage): Promise<boolean> {
    signal.throwIfAborted();
    try {
      const isDone = await refresh(image);
      metrics.refreshed(isDone ? 'done' : 'put off');
      return isDone;
    } catch (error) {
      signal.throwIfAborted();
      metrics.refreshed('failed');
      log.warn({ err: error, image: image.text }, 'an image could not be refreshed');
      return false;
    }
  }

  /** False where the upstream gives so little that clients need it. */
  async function refresh({ text, name }: PinnedImage): Promise<boolean> {
    const source = await locateImage(name, background);
    if (pressure(source) === 'scarce') return false;
    const began = now();
    const contents = await contentsOf(source, name.reference, { ...options, mirror: background });
    await metadata.mirrorPins.put(text, [...contents.manifests, ...contents.blobs.keys()], began);
    if (!(await fetchMissing(source, contents))) return false;
    // What the image needed before was good until now.
    await metadata.mirrorPins.removeBefore(text, began);
    return true;
  }

  async function fetchMissing(source: MirroredRepository, { blobs }: ImageContents): Promise<boolean> {
    for (const digest of blobs.keys()) {
      while (pressure(source) === 'busy') await delay(pauseMilliseconds, undefined, { signal });
      if (pressure(source) === 'scarce') return false;
      await fetchBlob(background, source, digest, () => signal.throwIfAborted());
    }
    return true;
  }

  return {
    run() {
      running = turn().catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      return running;
    },
    async close() {
      closing.abort(new Error('the mirror is shutting down'));
      await running.catch(() => undefined);
    },
  };
}
