/** What the parameters of a video stream say of its pictures. */
export interface PictureFacts {
  readonly width: number;
  readonly height: number;
  /** Frames a second. */
  readonly frameRate?: number;
  /** Most pictures that come before another one and are shown after it; undefined when it is not said. */
  readonly reorderDepth?: number;
}
