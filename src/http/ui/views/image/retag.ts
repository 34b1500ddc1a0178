import { OciError } from '../../../../oci/errors.ts';
import { parseTag } from '../../../../oci/reference.ts';
import { redirect } from '../../shell/redirect.ts';
import { type ImageVisit, refusalOf } from '../repository/repository-view.ts';
import { showImage } from './overview.ts';

/** Points a tag at the image; the form says whether a tag that exists may be moved. Shows a refused form again with its input. */
export async function retag(visit: ImageVisit): Promise<void> {
  const { registry, repository, reference, form, author, texts } = visit;
  const value = form.get('tag') ?? '';
  const tag = parseTag(value);
  if (!tag) {
    await showImage(visit, { value, message: texts.actions.invalidTag });
    return;
  }
  try {
    const { digest, sizeBytes, mediaType } = await registry.manifests.find(repository, reference);
    const bytes = await registry.manifests.bytes(digest, sizeBytes);
    await registry.manifests.put(repository, { tag }, [], bytes, mediaType, { keepTags: form.get('move') !== 'yes', author });
  } catch (error) {
    if (error instanceof OciError && error.code === 'MANIFEST_UNKNOWN') throw error;
    await showImage(visit, { value, message: refusalOf(error) });
    return;
  }
  visit.leaveNotice({ kind: 'done', lines: [texts.actions.tagged(tag)] });
  redirect(visit.response, `/ui/r/${repository}:${tag}`);
}
