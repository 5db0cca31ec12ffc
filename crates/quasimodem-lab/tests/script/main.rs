//! Scripts, by what their hosts type, when, and where they stop.

#![allow(clippy::unwrap_used)]

mod blocks;
mod docs;
mod language;
mod names;
mod outside;
mod rig;
mod strict;
mod tolerant;
