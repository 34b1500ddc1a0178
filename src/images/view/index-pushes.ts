import type { EventHandler } from '../../events/consumer.ts';
import { ImageError } from '../index/image-error.ts';
import type { ImageAddress } from './image-opener.ts';

/** Name of the consumer in the metadata store. */
export const indexConsumerName = 'image-index';

/** Events of one call: a build may take minutes, and the position advances after it. */
const batch = 10;
/** More than the limit of time for a layer and for the image. */
const maxWaitSeconds = 3600;

/** Opens an image, and so has it indexed. */
export interface PushedImages {
  open(address: ImageAddress, waitSeconds: number): Promise<unknown>;
}

/** Handles events by indexing the images that were pushed, one after the other. */
export function createIndexHandler(images: () => Promise<PushedImages>): EventHandler {
  return {
    name: indexConsumerName,
    batch,
    isPrompt: false,
    repeatSeconds: 0,
    async handle(events, { signal }) {
      const { open } = await images();
      for (const { kind, content } of events) {
        if (kind !== 'manifest.push' || !content) continue;
        signal.throwIfAborted();
        const { repository, digest } = content;
        await open({ repository, reference: { digest } }, maxWaitSeconds).catch(ignoreUnsupported);
      }
    },
  };
}

/** An artifact has no files, and a manifest may be deleted by now. */
function ignoreUnsupported(error: unknown): void {
  if (!(error instanceof ImageError)) throw error;
}
