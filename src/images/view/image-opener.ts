import type { Platform } from '../../oci/platform.ts';
import type { Reference, RepositoryName } from '../../oci/reference.ts';
import { withTimeout } from '../../coordination/timeout.ts';
import type { IndexState, Indexes } from '../build/indexes.ts';
import { ImageError } from '../index/image-error.ts';
import type { ImageHead, IndexFailure } from '../index/head.ts';
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

export interface ImageAddress {
  readonly repository: RepositoryName;
  readonly reference: Reference;
  /** Of the image that an index is asked for. Default: linux/amd64, or the first. */
  readonly platform?: Platform | undefined;
}

/** Opens the contents of images. */
export interface ImageOpener {
  /**
   * Finds an image and its index. Begins to build the index if there is none, and waits at most so many seconds for it. Rejects
   * `ImageError` if there is no such image.
   */
  open(address: ImageAddress, waitSeconds?: number): Promise<ImageView>;
  /** The same for a request that needs the index: rejects `ImageError` if it is not ready. */
  openReady(address: ImageAddress, waitSeconds?: number): Promise<ReadyImage>;
}

export interface ReadyImage extends ImageView {
  readonly index: StoredIndex<ImageHead>;
}

export interface ImageOpenerOptions {
  readonly finder: ImageFinder;
  readonly indexes: Pick<Indexes, 'image' | 'build'>;
  readonly mode: IndexMode;
  /** Called when a build could not begin or be stored. */
  readonly onFailure: (error: unknown) => void;
}

export function createImageOpener({ finder, indexes, mode, onFailure }: ImageOpenerOptions): ImageOpener {
  async function find(image: FoundImage): Promise<ImageView> {
    return toView(image, await indexes.image(image));
  }

  async function open(address: ImageAddress, waitSeconds = 0): Promise<ImageView> {
    const image = await finder.find(address.repository, address.reference, address.platform);
    const missing = await finder.missingLayers(image);
    // An index may be there without the bytes of the layers: it is not shown for layers that the repository does not have.
    if (missing.length > 0) return withoutIndex(image, 'missing', missingMessage(missing.length, image.layers.length));
    const found = await find(image);
    if (found.status.state !== 'building') return found;
    if (mode === 'off') return withoutIndex(image, 'off', 'the configuration (page.index) says that no images are indexed');
    const building = indexes.build(image).catch(onFailure);
    if (waitSeconds === 0) return found;
    await withTimeout(building, waitSeconds);
    return find(image);
  }

  return {
    open,
    async openReady(address, waitSeconds) {
      const view = await open(address, waitSeconds);
      const { index, status } = view;
      if (!index) throw new ImageError('not_ready', status.message);
      return { ...view, index };
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
