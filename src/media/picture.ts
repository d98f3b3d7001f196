/** Picture format of a video track. */
export interface PictureFacts {
  readonly width: number;
  readonly height: number;
  /** Frames a second. */
  readonly frameRate?: number;
  /** Reorder depth: most pictures that precede another one in decoding order and follow it in output order. */
  readonly reorderDepth?: number;
}
