/**
 * The states of a fill:
 *
 *   starting ── the upstream begins to send ──▸ filling ── all bytes have the right digest ──▸ verified
 *      │                                           │
 *      ├── the disk refuses the blob ──────────────┴──▸ bypassed: each reader gets its bytes by a request of its own
 *      └── the upstream fails, or the fill is stopped (from both) ──▸ failed: each reader gets the error
 */
export type FillState =
  | { readonly name: 'starting' }
  | { readonly name: 'filling' | 'verified' | 'bypassed'; readonly sizeBytes: number }
  | { readonly name: 'failed'; readonly error: unknown; readonly sizeBytes: number | undefined };

/** Returns the blob's size; undefined as long as the upstream has not begun to send. */
export function sizeIn(state: FillState): number | undefined {
  return 'sizeBytes' in state ? state.sizeBytes : undefined;
}
