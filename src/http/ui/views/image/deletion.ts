import { shortDigest } from '../../parts/digest.ts';
import { html } from '../../shell/html.ts';
import { type ImageVisit, goTo, refusalOf } from '../repository/repository-view.ts';
import { urlOf } from './image-url.ts';
import { sendImageView } from './image-view.ts';

/** Deletes the image with all of its tags, and reports it on the list of tags. Without a trash the visitor types the name. */
export async function deleteImage(visit: ImageVisit): Promise<void> {
  const { registry, repository, reference, form, author, texts } = visit;
  const { deletions } = registry;
  const digest = await deletions.digestOf(repository, reference);
  if (!deletions.hasTrash && form.get('confirm') !== repository) {
    askForName(visit);
    return;
  }
  try {
    const expected = await deletions.preview(repository, digest);
    const { entryId } = await deletions.manifest(repository, digest, { author, expected });
    visit.leaveNotice({
      kind: 'done',
      lines: [texts.notice.deleted(shortDigest(digest))],
      undo: entryId === null ? [] : [entryId],
    });
  } catch (error) {
    visit.leaveNotice({ kind: 'wrong', lines: [texts.notice.failed(shortDigest(digest), refusalOf(error))] });
  }
  goTo(visit, 'tags');
}

function askForName(visit: ImageVisit): void {
  const { repository, form, texts } = visit;
  const isWrong = form.has('confirm');
  const content = html`<h2>${texts.deletion.confirm}</h2>
    <form method="post" action="${urlOf(visit, '/-/delete')}">
      <label>
        ${texts.deletion.confirmHelp(repository)}
        <input name="confirm" autocomplete="off" required ${isWrong ? html`aria-invalid="true"` : undefined} />
      </label>
      <button class="danger">${texts.deletion.delete}</button>
      <a class="button" href="${urlOf(visit)}">${texts.deletion.cancel}</a>
    </form>`;
  sendImageView(visit, 'overview', content, { status: isWrong ? 400 : 200 });
}
