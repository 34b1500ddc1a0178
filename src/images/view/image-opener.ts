import { withTimeout } from '../../coordination/timeout.ts';
import type { Platform } from '../../oci/platform.ts';
import type { Reference, RepositoryName } from '../../oci/reference.ts';
import type { Indexes, IndexState } from '../build/indexes.ts';
import type { IndexFailure } from '../index/head.ts';
import { ImageError } from '../index/image-error.ts';
import type { ImageHead } from '../index/image-head.ts';
import type { StoredIndex } from '../store/index-store.ts';
import type { FoundImage, ImageFinder } from './image-finder.ts';

/** When indexes are built: at the first look at an image, also at its push, or never. */
export type IndexMode = 'view' | 'push' | 'off';

/** Whether the contents of an image can be shown. */
export interface IndexStatus {
  /**
   * - `ready`: they can.
   * - `building`: soon; ask again.
   * - `missing`: some layers are not stored here.
   * - `failed`: a layer cannot be read, or is larger than a limit.
   * - `off`: no index is built, by the configuration.
   */
  readonly state: 'ready' | 'building' | 'missing' | 'failed' | 'off';
  /** A sentence for people; '' if ready. */
  readonly message: string;
  /** The limit that a layer exceeds, or `format`. Null for other failures, and in other states. */
  readonly limit: IndexFailure['limit'] | null;
}

/** An image whose contents were asked for. */
export interface ImageView {
  readonly image: FoundImage;
  readonly status: IndexStatus;
  /** Undefined unless the status is `ready`. */
  readonly index: StoredIndex<ImageHead> | undefined;
}

/** An image at which a visitor looks. */
export interface LookedAtImage extends Omit<ImageView, 'status'> {
  /** `absent`: no index was asked for; otherwise as of `ImageView`. */
  readonly status: IndexStatus | { readonly state: 'absent'; readonly message: ''; readonly limit: null };
  /** Layers of the image with an index, while that of the image is not there. */
  readonly indexedLayers: number;
}

export interface ImageAddress {
  readonly repository: RepositoryName;
  readonly reference: Reference;
  /** Of the image that an index is asked for. Default: linux/amd64, or the first. */
  readonly platform?: Platform | undefined;
}

/** Opens the contents of images. */
export interface ImageOpener {
  /** Finds an image and its index, and begins nothing. Rejects `ImageError` if there is no such image. */
  look(address: ImageAddress): Promise<LookedAtImage>;
  /**
   * Finds an image and its index. Begins to build the index if there is none, and waits at most so many seconds for it. Rejects
   * `ImageError` if there is no such image.
   */
  open(address: ImageAddress, waitSeconds?: number): Promise<ImageView>;
  /** The same for a request that needs the index: rejects `ImageError` if it is not ready. */
  openReady(address: ImageAddress, waitSeconds?: number): Promise<ReadyImage>;
}

/** An image whose contents can be shown. */
export interface ReadyImage extends Pick<ImageView, 'image'> {
  readonly index: StoredIndex<ImageHead>;
}

/** True if the contents of the image can be shown. */
export function isReady(view: Pick<ImageView, 'image' | 'index'>): view is ReadyImage {
  return view.index !== undefined;
}

export interface ImageOpenerOptions {
  readonly finder: ImageFinder;
  readonly indexes: Pick<Indexes, 'image' | 'progress' | 'build'>;
  readonly mode: IndexMode;
  /** Called when a build could not begin or be stored. */
  readonly onFailure: (error: unknown) => void;
}

export function createImageOpener({ finder, indexes, mode, onFailure }: ImageOpenerOptions): ImageOpener {
  /** Returns an image whose index is absent as `building`, unless no index will be built. */
  async function find({ repository, reference, platform }: ImageAddress): Promise<ImageView> {
    const image = await finder.find(repository, reference, platform);
    const missing = await finder.missingLayers(image);
    // An index may be there without the bytes of the layers: it is not shown for layers that the repository does not have.
    if (missing.length > 0) return withoutIndex(image, 'missing', missingMessage(missing.length, image.layers.length));
    const found = toView(image, await indexes.image(image));
    if (found.status.state !== 'building' || mode !== 'off') return found;
    return withoutIndex(image, 'off', 'the configuration (page.index) says that no images are indexed');
  }

  async function open(address: ImageAddress, waitSeconds = 0): Promise<ImageView> {
    const found = await find(address);
    if (found.status.state !== 'building') return found;
    const { image } = found;
    const building = indexes.build(image).catch(onFailure);
    if (waitSeconds === 0) return found;
    await withTimeout(building, waitSeconds);
    return toView(image, await indexes.image(image));
  }

  return {
    async look(address) {
      const found = await find(address);
      if (found.status.state !== 'building') return { ...found, indexedLayers: 0 };
      const { isBuilding, indexedLayers } = await indexes.progress(found.image);
      return { ...found, status: isBuilding ? found.status : { state: 'absent', message: '', limit: null }, indexedLayers };
    },
    open,
    async openReady(address, waitSeconds) {
      const view = await open(address, waitSeconds);
      const { index, status } = view;
      if (!index) throw new ImageError('not_ready', status.message);
      return { image: view.image, index };
    },
  };
}

function toView(image: FoundImage, found: IndexState<ImageHead>): ImageView {
  if (found.state === 'ready') return { image, index: found.index, status: { state: 'ready', message: '', limit: null } };
  if (found.state === 'absent') return withoutIndex(image, 'building', 'the layers of the image are being read: ask again soon');
  const { failure, digest } = found;
  const status = { state: 'failed', message: `${digest}: ${failure.message}`, limit: failure.limit ?? null } as const;
  return { image, index: undefined, status };
}

function withoutIndex(image: FoundImage, state: IndexStatus['state'], message: string): ImageView {
  return { image, index: undefined, status: { state, message, limit: null } };
}

function missingMessage(missing: number, layers: number): string {
  return `${missing} of ${layers} layers are not stored here: pull the image once`;
}
