//! Colours by what they are for, each in light and dark.

/// What a shape is drawn with. Every ink has a colour of its own in the light scheme: style sheets find shapes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ink {
    /// Words.
    Text,
    /// Words of less weight.
    Muted,
    /// Lines to read values by.
    Grid,
    /// Lines on which an axis stands.
    Axis,
    /// What lies behind everything.
    Surface,
    /// The thing itself: equity, the objective.
    Main,
    /// What it is compared with.
    Other,
    /// Gains.
    Good,
    /// Losses.
    Bad,
    /// Long positions.
    Long,
    /// Short positions: told from long ones also by eyes that see fewer colours.
    Short,
    /// What is marked: the best trial, a plateau.
    Mark,
    /// Many things of which none matters alone.
    Crowd,
    /// Words on light heat.
    OnLight,
    /// Words on dark heat.
    OnDark,
    /// From little (0) to much ([`Ink::HEATS`] - 1).
    Heat(u8),
    /// From loss (0) over nothing to gain ([`Ink::BALANCES`] - 1).
    Balance(u8),
}

/// Viridis in 16 steps (S. van der Walt, N. Smith, 2015): even to the eye, also to one that sees fewer colours, on light and dark.
const HEAT: [u32; 16] = [
    0x44_01_54, 0x48_18_6A, 0x47_2D_7B, 0x42_40_86, 0x3B_52_8B, 0x33_63_8D, 0x2C_72_8E, 0x26_82_8E, 0x21_91_8C, 0x1F_A0_88,
    0x28_AE_80, 0x3F_BC_73, 0x5E_C9_62, 0x84_D4_4B, 0xAD_DC_30, 0xD8_E2_19,
];
/// Red over the background to green, for light backgrounds.
const BALANCE_LIGHT: [u32; 11] = [
    0xF2_8F_88, 0xF5_A7_A1, 0xF7_BE_B9, 0xF9_D3_D0, 0xFB_E8_E6, 0xF3_F4_F6, 0xE3_F3_E7, 0xC9_E9_D1, 0xAE_DE_BB, 0x93_D3_A4,
    0x76_C7_8D,
];
/// The same for dark ones.
const BALANCE_DARK: [u32; 11] = [
    0x93_2F_2C, 0x7C_2B_2A, 0x65_27_27, 0x4F_23_25, 0x38_1F_23, 0x22_28_30, 0x1C_33_2A, 0x1B_43_31, 0x1A_54_38, 0x1A_66_40,
    0x19_79_48,
];

impl Ink {
    /// Steps of heat.
    pub const HEATS: u8 = HEAT.len() as u8;
    /// Steps of the balance.
    pub const BALANCES: u8 = BALANCE_LIGHT.len() as u8;

    /// Every ink.
    pub fn all() -> impl Iterator<Item = Self> {
        let single = [
            Self::Text,
            Self::Muted,
            Self::Grid,
            Self::Axis,
            Self::Surface,
            Self::Main,
            Self::Other,
            Self::Good,
            Self::Bad,
            Self::Long,
            Self::Short,
            Self::Mark,
            Self::Crowd,
            Self::OnLight,
            Self::OnDark,
        ];
        let heat = (0..Self::HEATS).map(Self::Heat);
        single.into_iter().chain(heat).chain((0..Self::BALANCES).map(Self::Balance))
    }

    /// The heat of a share in [0, 1].
    pub fn heat(share: f64) -> Self {
        Self::Heat(step(share, Self::HEATS))
    }

    /// The balance of a number in [-1, 1].
    pub fn balance(share: f64) -> Self {
        Self::Balance(step(f64::midpoint(share, 1.0), Self::BALANCES))
    }

    /// What words on this ink are written with.
    #[must_use]
    pub fn words(self) -> Self {
        match self {
            Self::Heat(step) if step >= 8 => Self::OnLight,
            Self::Heat(_) => Self::OnDark,
            _ => Self::Text,
        }
    }

    /// Red, green and blue in the light and the dark scheme.
    pub fn colours(self) -> (u32, u32) {
        match self {
            Self::Text => (0x1F_23_28, 0xE6_ED_F3),
            Self::Muted => (0x65_6D_76, 0x93_9D_A8),
            Self::Grid => (0xE7_EA_EE, 0x26_2D_36),
            Self::Axis => (0xAF_B8_C1, 0x48_50_5A),
            Self::Surface => (0xFF_FF_FF, 0x0F_14_1A),
            Self::Main => (0x0B_63_CE, 0x5A_A9_FF),
            Self::Other => (0x8A_93_9E, 0x7D_87_93),
            Self::Good => (0x1A_7F_45, 0x3F_B9_68),
            Self::Bad => (0xCF_22_2E, 0xF8_6A_62),
            Self::Long => (0x1B_6F_B8, 0x62_B4_F5),
            Self::Short => (0xA8_6A_00, 0xF0_BC_4A),
            Self::Mark => (0xD9_5F_02, 0xFF_9E_4A),
            Self::Crowd => (0x7F_A6_D6, 0x3D_5F_8A),
            Self::OnLight => (0x11_14_18, 0x11_14_18),
            Self::OnDark => (0xFE_FE_FE, 0xFE_FE_FE),
            Self::Heat(step) => (HEAT[usize::from(step)], HEAT[usize::from(step)]),
            Self::Balance(step) => (BALANCE_LIGHT[usize::from(step)], BALANCE_DARK[usize::from(step)]),
        }
    }
}

fn step(share: f64, steps: u8) -> u8 {
    let scaled = share.clamp(0.0, 1.0) * f64::from(steps);
    (scaled as u8).min(steps - 1)
}

/// Rules that turn pictures dark where the reader's screen is: a shape is found by its light colour.
pub(crate) fn dark_rules() -> String {
    let rule = |ink: Ink| {
        let (light, dark) = ink.colours();
        (light != dark).then(|| {
            format!("svg [fill=\"#{light:06X}\"]{{fill:#{dark:06X}}}svg [stroke=\"#{light:06X}\"]{{stroke:#{dark:06X}}}")
        })
    };
    Ink::all().filter_map(rule).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_inks_share_a_light_colour() {
        let colours: BTreeSet<u32> = Ink::all().map(|ink| ink.colours().0).collect();
        assert_eq!(colours.len(), Ink::all().count());
        assert!(dark_rules().contains("svg [fill=\"#1F2328\"]{fill:#E6EDF3}"));
    }

    #[test]
    fn shares_become_steps() {
        assert_eq!([Ink::heat(-1.0), Ink::heat(0.5), Ink::heat(2.0)], [0, 8, 15].map(Ink::Heat));
        assert_eq!(
            [Ink::balance(-1.0), Ink::balance(0.0), Ink::balance(1.0)],
            [0, 5, 10].map(Ink::Balance)
        );
        assert_eq!(Ink::heat(f64::NAN), Ink::Heat(0));
    }

    /// WCAG 2.1 contrast of words on what they stand on.
    #[test]
    fn words_can_be_read_in_both_schemes() {
        let luminance = |colour: u32| {
            let channel = |shift: u32| {
                let c = f64::from(colour >> shift & 255) / 255.0;
                if c <= 0.039_28 {
                    c / 12.92
                } else {
                    libm::pow((c + 0.055) / 1.055, 2.4)
                }
            };
            0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
        };
        let contrast = |a: u32, b: u32| {
            let (a, b) = (luminance(a), luminance(b));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for back in Ink::all().filter(|ink| matches!(ink, Ink::Heat(_) | Ink::Balance(_) | Ink::Surface)) {
            let (words, back) = (back.words().colours(), back.colours());
            assert!(contrast(words.0, back.0) >= 3.9, "{back:x?} light");
            assert!(contrast(words.1, back.1) >= 3.9, "{back:x?} dark");
        }
        let muted = (Ink::Muted.colours(), Ink::Surface.colours());
        assert!(contrast(muted.0.0, muted.1.0) >= 4.5 && contrast(muted.0.1, muted.1.1) >= 4.5);
    }
}
