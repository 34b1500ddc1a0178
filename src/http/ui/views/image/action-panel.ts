import type { ImageDescription } from '../../../../images/description/describe-image.ts';
import { type Html, html } from '../../shell/html.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { nameOf, urlOf } from './image-url.ts';

/** A form that was refused: what the visitor has typed, and why. */
export interface RejectedTag {
  readonly value: string;
  readonly message: string;
}

/** Shows what the visitor can do with an image: download it, compare it, give it a tag, delete it. */
export function actionPanel(visit: ImageVisit, image: ImageDescription, rejected: RejectedTag | undefined): Html {
  const { texts, may } = visit;
  return html`<h2>${texts.actions.title}</h2>
    <div class="action-forms">
      ${downloadForm(visit, image)} ${image.kind === 'artifact' ? undefined : compareForm(visit)}
      ${may.push ? tagForm(visit, rejected) : undefined} ${may.delete ? deleteForm(visit, image) : undefined}
    </div>`;
}

function downloadForm(visit: ImageVisit, { platforms }: ImageDescription): Html {
  const { download, image } = visit.texts;
  const option = (value: string, label: string, isSelected: boolean) =>
    html`<option value="${value}" ${isSelected ? html`selected` : undefined}>${label}</option>`;
  return html`<form method="get" action="${urlOf(visit, '/-/archive')}">
    <p>${download.help}</p>
    ${
      platforms.length < 2
        ? undefined
        : html`<label>
            ${image.platform}
            <select name="platform">
              ${platforms.map(({ platform, isShown }) => option(platform, platform, isShown))}
              ${option('', download.allPlatforms, false)}
            </select>
          </label>`
    }
    <button class="primary">${download.download}</button>
  </form>`;
}

function compareForm({ repository, reference, texts }: ImageVisit): Html {
  return html`<form method="get" action="/ui/diff">
    <input type="hidden" name="from" value="${nameOf(repository, reference)}" />
    <label>${texts.actions.compareWith} <input name="to" required maxlength="400" placeholder="1.0" autocomplete="off" /></label>
    <button>${texts.actions.compare}</button>
  </form>`;
}

function tagForm(visit: ImageVisit, rejected: RejectedTag | undefined): Html {
  const { actions } = visit.texts;
  return html`<form method="post" action="${urlOf(visit, '/-/retag')}">
    ${rejected && html`<p class="wrong" id="tag-refused" role="alert">${rejected.message}</p>`}
    <label>
      ${actions.newTag}
      <input
        name="tag"
        required
        maxlength="128"
        autocomplete="off"
        value="${rejected?.value}"
        ${rejected && html`aria-invalid="true" aria-describedby="tag-refused"`}
      />
    </label>
    <label><input type="checkbox" name="move" value="yes" />${actions.move}</label>
    <button>${actions.tag}</button>
  </form>`;
}

/** With a tag the form of the list of tags: it deletes the image with its last tag. With a digest all tags go. */
function deleteForm(visit: ImageVisit, { tags }: ImageDescription): Html {
  const { repository, reference, texts } = visit;
  const { tag } = reference;
  const others = tags.filter((name) => name !== tag);
  const help =
    tag === undefined
      ? tags.length > 0 && texts.actions.deleteWithTags(tags.join(', '))
      : others.length > 0 && texts.actions.deleteTag(others.join(', '));
  return html`<form method="post" action="${tag === undefined ? urlOf(visit, '/-/delete') : `/ui/r/${repository}/-/tags/delete`}">
    ${tag === undefined ? undefined : html`<input type="hidden" name="tag" value="${tag}" /><input type="hidden" name="action" value="delete" />`}
    <p>${help || texts.actions.deleteImage}</p>
    <button class="danger">${texts.deletion.delete}</button>
  </form>`;
}
