import { pathOf } from '../index/entry-key.ts';
import type { Entry } from '../index/entry.ts';

/** A path that two images have differently. */
export interface ChangedFile {
  readonly path: string;
  /** Undefined if only the other image has it. */
  readonly from: Entry | undefined;
  readonly to: Entry | undefined;
  /** Bytes of the larger content, 0 if the content is the same. */
  readonly bytes: number;
}

/** Compares what two images have at a path; undefined if both have the same. */
export function compareFiles(from: Entry | undefined, to: Entry | undefined): ChangedFile | undefined {
  const known = from ?? to;
  if (!known) return undefined;
  const hasSameContent = from?.sha256 === to?.sha256 && from?.type === to?.type && from?.link === to?.link;
  if (hasSameContent && hasSameOwner(from, to)) return undefined;
  const bytes = hasSameContent ? 0 : Math.max(from?.sizeBytes ?? 0, to?.sizeBytes ?? 0);
  return { path: pathOf(known), from, to, bytes };
}

function hasSameOwner(from: Entry | undefined, to: Entry | undefined): boolean {
  // Nothing is known about a directory that no archive describes.
  if (from?.isImplied || to?.isImplied) return true;
  return from?.mode === to?.mode && from?.uid === to?.uid && from?.gid === to?.gid;
}
