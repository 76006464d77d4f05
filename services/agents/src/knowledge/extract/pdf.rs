//! PDF: glyphs with their places, put together into lines, paragraphs and headings.
//!
//! A PDF says where each glyph stands, not what is a word or a paragraph. The interpreter (hayro)
//! gives glyphs with their Unicode values; spaces, lines, paragraphs and headings are found here
//! from the distances and sizes.

mod layout;

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps,
    InterpreterCache, InterpreterSettings, SoftMask, TransformExt as _, interpret_page,
};

use crate::knowledge::document::Builder;
use crate::knowledge::rejection::Rejection;

use layout::{Line, Piece};

/// More pages than any document a company keeps; also the bound of a page tree made to explode.
const MAX_PAGES: usize = 5_000;

/// How far from the end of the file the end mark may stand.
const END_WITHIN: usize = 4_096;

pub(super) fn extract(bytes: &[u8], builder: &mut Builder) -> Result<(), Rejection> {
    if !has_end(bytes) {
        return Err(Rejection::Unreadable);
    }
    let pdf = Pdf::new(bytes.to_vec()).map_err(refused)?;
    let pages = pdf.pages();
    if pages.len() > MAX_PAGES {
        return Err(Rejection::TooBig);
    }
    let cache = InterpreterCache::new();
    let mut pictures = 0;
    let mut lines: Vec<Vec<Line>> = Vec::with_capacity(pages.len());
    for page in pages.iter() {
        let (width, height) = page.render_dimensions();
        let mut context = Context::new(
            page.initial_transform(true).to_kurbo(),
            Rect::new(0.0, 0.0, f64::from(width), f64::from(height)),
            &cache,
            pdf.xref(),
            InterpreterSettings::default(),
        );
        let mut gatherer = Gatherer::default();
        interpret_page(page, &mut context, &mut gatherer);
        pictures += gatherer.pictures;
        lines.push(layout::lines(gatherer.pieces));
    }
    if lines.iter().all(Vec::is_empty) {
        return Err(if pictures > 0 {
            Rejection::OcrNeeded
        } else {
            Rejection::Empty
        });
    }
    layout::write(lines, builder)?;
    if let Some(title) = &pdf.metadata().title {
        builder.title(&metadata_text(title));
    }
    Ok(())
}

/// A file that was cut off still has pages that can be found, and half a price list is worse than
/// none. The mark may be followed by what servers and mailers add.
fn has_end(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(END_WITHIN)..];
    tail.windows(5).any(|window| window == b"%%EOF")
}

fn refused(error: LoadPdfError) -> Rejection {
    match error {
        LoadPdfError::Decryption(
            DecryptionError::PasswordProtected | DecryptionError::UnsupportedAlgorithm,
        ) => Rejection::Password,
        _ => Rejection::Unreadable,
    }
}

/// UTF-16 with a mark, UTF-8 with a mark, else taken as Latin-1, which is PDFDocEncoding where
/// they agree (ISO 32000-1, 7.9.2.2).
fn metadata_text(bytes: &[u8]) -> String {
    match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding.decode(bytes).0.into_owned(),
        None => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[derive(Default)]
struct Gatherer {
    pieces: Vec<Piece>,
    pictures: usize,
}

impl Gatherer {
    fn glyph(&mut self, glyph: &Glyph<'_>, to_page: Affine) {
        let origin = to_page * Point::ZERO;
        // A font's unit square is 1000 units in text space.
        let advance = match glyph {
            Glyph::Outline(outline) => outline.advance_width(),
            Glyph::Type3(drawn) => drawn.advance_width(),
        };
        let linear = |x: f64, y: f64| (to_page * Point::new(x, y)) - origin;
        let along: Vec2 = linear(f64::from(advance.unwrap_or(500.0)), 0.0);
        let size = linear(0.0, 1000.0).hypot();
        if !origin.is_finite() || !size.is_finite() || size <= 0.0 {
            return;
        }
        let text = match glyph.as_unicode() {
            Some(BfString::Char(char)) => char.to_string(),
            Some(BfString::String(text)) => text,
            None => return,
        };
        self.pieces.push(Piece {
            origin,
            along,
            size,
            text,
        });
    }
}

impl<'a> Device<'a> for Gatherer {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}

    fn push_clip_path(&mut self, _: &ClipPath) {}

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        // Text that is filled and stroked comes twice; the filling is taken.
        if matches!(mode, DrawMode::Stroke(_))
            && self.pieces.last().is_some_and(|last| {
                run.glyphs().last().is_some_and(|glyph| {
                    (props.transform * glyph.transform() * Point::ZERO).distance(last.origin) < 0.01
                })
            })
        {
            return;
        }
        for glyph in run.glyphs() {
            self.glyph(glyph, props.transform * glyph.transform());
        }
    }

    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.pictures += 1;
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}
