import { setTimeout as delay } from 'node:timers/promises';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type ContentsOptions, type ImageContents, contentsOf, fetchBlob, locateImage } from './image-contents.ts';
import type { ImageName } from './image-name.ts';
import type { MirrorMetrics } from '../../observability/mirror-metrics.ts';
import type { Mirror } from '../mirror.ts';
import type { MirroredRepository } from '../names/routing.ts';

/** Keeps the images that the operator has listed complete and up to date. */
export interface Refresh {
  /**
   * Runs one turn: looks up each image again, pins its content and fetches what is missing. Clients go first. An image that
   * fails is logged, keeps its content, and is tried again a while later.
   */
  run(): Promise<void>;
  /** Ends the running turn; resolves when it has ended, at the latest when the mirror is closed. */
  close(): Promise<void>;
}

export interface PinnedImage {
  /** The name in the configuration. */
  readonly text: string;
  readonly name: ImageName;
}

export interface RefreshOptions extends Pick<ContentsOptions, 'manifestBytes' | 'platforms'> {
  readonly mirror: Pick<Mirror, 'background' | 'pressure'>;
  readonly metadata: MetadataStore;
  readonly images: readonly PinnedImage[];
  /** Pause before a failed image is tried again. */
  readonly retrySeconds: number;
  /** Limit of mirrored content. */
  readonly maxBytes: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly metrics: Pick<MirrorMetrics, 'refreshed'>;
  readonly log: { warn(fields: object, message: string): void };
}

const attempts = 3;
/** Milliseconds between two checks of whether clients still need the upstream. */
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
    let pending = images;
    for (let count = 0; count < attempts && pending.length > 0; count++) {
      if (count > 0) await delay(retrySeconds * 1000, undefined, { signal });
      const failed: PinnedImage[] = [];
      for (const image of pending) if (!(await attempt(image))) failed.push(image);
      pending = failed;
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

  /** False if the upstream's rate limit is needed for clients. */
  async function refresh({ text, name }: PinnedImage): Promise<boolean> {
    const source = await locateImage(name, background);
    if (pressure(source) === 'scarce') return false;
    const began = now();
    const contents = await contentsOf(source, name.reference, { ...options, mirror: background });
    await metadata.mirrorPins.put(text, [...contents.manifests, ...contents.blobs.keys()], began);
    if (!(await fetchMissing(source, contents))) return false;
    // Only now the former content of the image may go.
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
