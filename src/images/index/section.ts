import type { Entry } from './entry.ts';

/** Bytes of an index object. */
export interface Section {
  readonly offset: number;
  readonly length: number;
}

/** A frame, and its first entry. */
export interface FramePlace extends Section {
  readonly directory: string;
  readonly name: string;
  readonly entries: number;
}

/** What the heads of layers and images share. */
export interface HeadFields {
  readonly frames: readonly FramePlace[];
  readonly entries: number;
  /** The biggest files, biggest first. */
  readonly biggest: readonly Entry[];
}
