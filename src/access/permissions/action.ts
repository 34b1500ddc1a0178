/**
 * What can be done in a repository.
 *
 * - `pull`: read manifests, blobs, tags and referrers.
 * - `add`: push, but leave tags that exist where they point.
 * - `push`: push, and move tags. Includes `add`.
 * - `delete`: take tags, manifests and blobs out of the repository.
 * - `admin`: all of it, and decide who else may, and whether it is public.
 */
export const actions = ['pull', 'add', 'push', 'delete', 'admin'] as const;

export type Action = (typeof actions)[number];

const implied: Readonly<Record<Action, readonly Action[]>> = {
  pull: ['pull'],
  add: ['add'],
  push: ['push', 'add'],
  delete: ['delete'],
  admin: actions,
};

/** The actions with everything that they include. */
export function withImplied(granted: Iterable<Action>): ReadonlySet<Action> {
  return new Set([...granted].flatMap((action) => implied[action]));
}

/** `pull,push`; undefined for what names no action, or one that does not exist. */
export function parseActions(text: string): readonly Action[] | undefined {
  const words = text.split(',').map((word) => word.trim());
  const known = actions.filter((action) => words.includes(action));
  return words.every((word) => (actions as readonly string[]).includes(word)) ? known : undefined;
}
