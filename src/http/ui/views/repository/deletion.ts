import { OciError } from '../../../../oci/errors.ts';
import { type Tag, parseTag } from '../../../../oci/reference.ts';
import { html } from '../../shell/html.ts';
import { type RepositoryVisit, goTo, refusalOf, sendRepositoryView } from './repository-view.ts';

interface Outcome {
  readonly line: string;
  readonly isFailure?: boolean;
  /** The entry of the trash, if there is one. */
  readonly entryId?: number | null;
}

/**
 * Deletes the selected tags, each for itself, and reports each. `action` of the form: with `delete` an image goes to the trash
 * with its last tag; with `untag` it stays. Without a trash the visitor has to type the name of the repository.
 */
export async function deleteTags(visit: RepositoryVisit): Promise<void> {
  const { form, texts, registry } = visit;
  const tags = [...new Set(form.getAll('tag'))].map(parseTag).filter((tag) => tag !== undefined);
  const isUntagging = form.get('action') === 'untag';
  if (tags.length === 0) {
    visit.leaveNotice({ kind: 'wrong', lines: [texts.notice.nothingSelected] });
    goTo(visit, 'tags');
    return;
  }
  if (!isUntagging && !registry.deletions.hasTrash && form.get('confirm') !== visit.repository) {
    askForName(visit, tags);
    return;
  }
  const outcomes: Outcome[] = [];
  const gone = new Set<string>();
  for (const tag of tags) if (!gone.has(tag)) outcomes.push(await attempt(visit, tag, tags, isUntagging, gone));
  const undo = outcomes.flatMap(({ entryId }) => entryId ?? []);
  const kind = outcomes.some(({ isFailure }) => isFailure) ? 'wrong' : 'done';
  visit.leaveNotice({ kind, lines: outcomes.map(({ line }) => line), undo });
  goTo(visit, 'tags');
}

/** `gone`: receives the tags that were deleted with an image. */
async function attempt(
  visit: RepositoryVisit,
  tag: Tag,
  selected: readonly Tag[],
  isUntagging: boolean,
  gone: Set<string>,
): Promise<Outcome> {
  const { notice } = visit.texts;
  try {
    const entry = isUntagging ? undefined : await deleteImage(visit, tag, selected);
    if (!entry) {
      await visit.registry.deletions.tag(visit.repository, tag, visit.author);
      return { line: notice.untagged(tag) };
    }
    for (const name of entry.tags) gone.add(name);
    return { line: notice.deleted(entry.tags.join(', ')), entryId: entry.id };
  } catch (error) {
    return { line: notice.failed(tag, refusalOf(error)), isFailure: true };
  }
}

/** Deletes the image of a tag if all of its tags are selected, and nothing else needs it; undefined if it stays. */
async function deleteImage({ registry, repository, author }: RepositoryVisit, tag: Tag, selected: readonly Tag[]) {
  const { deletions } = registry;
  const digest = await deletions.digestOf(repository, { tag });
  const expected = await deletions.preview(repository, digest).catch((error: unknown) => {
    // An index needs it.
    if (error instanceof OciError && error.code === 'UNSUPPORTED') return undefined;
    throw error;
  });
  const tags = expected?.tags.filter((other) => other.digest === digest).map(({ name }) => name) ?? [];
  if (!expected || tags.some((name) => !selected.some((one) => one === name))) return undefined;
  const { entryId } = await deletions.manifest(repository, digest, { author, expected });
  return { id: entryId, tags };
}

function askForName(visit: RepositoryVisit, tags: readonly Tag[]): void {
  const { repository, form, texts } = visit;
  const isWrong = form.has('confirm');
  const content = html`<h2>${texts.deletion.confirm}</h2>
    <p>${texts.deletion.selected}: ${tags.join(', ')}</p>
    <form method="post" action="/ui/r/${repository}/-/tags/delete">
      <input type="hidden" name="action" value="delete" />
      ${tags.map((tag) => html`<input type="hidden" name="tag" value="${tag}" />`)}
      <label>
        ${texts.deletion.confirmHelp(repository)}
        <input name="confirm" autocomplete="off" required ${isWrong ? html`aria-invalid="true"` : undefined} />
      </label>
      <button class="danger">${texts.deletion.delete}</button>
      <a class="button" href="/ui/r/${repository}">${texts.deletion.cancel}</a>
    </form>`;
  sendRepositoryView(visit, 'tags', content, isWrong ? 400 : 200);
}
