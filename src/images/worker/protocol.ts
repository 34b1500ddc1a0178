import type { LimitName } from '../index/head.ts';
import type { Limits } from '../layers/limits.ts';
import type { MergedLayer } from '../merge/image-summary.ts';

/**
 * Messages between the event loop and the worker. A job reads inputs and writes one output; both wait for each other, so that no
 * more than some pieces are in memory.
 */

export interface LayerJob {
  readonly kind: 'layer';
  /** Size of the blob, the only input. */
  readonly sizeBytes: number;
  readonly limits: Limits;
}

export interface ImageJob {
  readonly kind: 'image';
  /** The layers from the bottom to the top. The inputs are their frames, one after the other. */
  readonly layers: readonly MergedLayer[];
  readonly limits: Limits;
}

export type Job = LayerJob | ImageJob;

export type ToWorker =
  | { readonly type: 'begin'; readonly id: number; readonly job: Job }
  /** The next piece of an input; undefined at its end. */
  | { readonly type: 'piece'; readonly id: number; readonly bytes: Uint8Array | undefined }
  /** The output was written: the next may come. */
  | { readonly type: 'written'; readonly id: number }
  /** The job must end: an input or the output has failed, or its time is over. */
  | { readonly type: 'cancel'; readonly id: number };

export type FromWorker =
  /** Wants the next piece of an input. */
  | { readonly type: 'pull'; readonly id: number; readonly input: number }
  | { readonly type: 'output'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: 'done'; readonly id: number }
  | { readonly type: 'failed'; readonly id: number; readonly failure: WorkerFailure };

/** Why a job has failed. `limit` is undefined for a defect. */
export interface WorkerFailure {
  readonly limit: LimitName | 'format' | undefined;
  readonly message: string;
}
