import type { ImageActions } from '../repository/repository-view.ts';
import { showImage, showRaw } from './overview.ts';

/** The views and forms of an image. */
export const imageActions: ImageActions = {
  views: { '': showImage, raw: showRaw },
  forms: {},
};
