import type { HeadFields, Section } from './section.ts';

/** What a layer adds to an image. */
export interface LayerShare {
  /** Sum of the sizes of its files. */
  readonly totalBytes: number;
  /** Of these the bytes that layers above hide. */
  readonly hiddenBytes: number;
  readonly added: number;
  readonly changed: number;
  readonly deleted: number;
  /** What the entries of the layer change in the image: two bits for each entry in the order of its index, see `Change`. */
  readonly changes: Section;
}

/** Effect of a layer's entry on the layers below it; the values are stored. */
export const changeKinds = ['added', 'changed', 'deleted', 'none'] as const;

export type Change = (typeof changeKinds)[number];

/** A path whose bytes are stored in several layers, or in a layer below its deletion. */
export interface WastedPath {
  readonly path: string;
  /** Bytes that the image has and does not show. */
  readonly bytes: number;
  /** How many layers have the path. */
  readonly copies: number;
}

/** The head of the index of an image: the merged view of its layers. */
export interface ImageHead extends HeadFields {
  readonly kind: 'image';
  readonly failure?: undefined;
  readonly layers: readonly LayerShare[];
  /** The paths with the most wasted bytes, most first. */
  readonly wasted: readonly WastedPath[];
  /** Files with packages that the merged view shows, by layer. */
  readonly packageFiles: readonly { readonly layer: number; readonly path: string }[];
}
