//! What an encoder learned: probes on its frozen features.

use super::{
    DecoderConfig, Information, InformationConfig, Progress, Reconstructions, TrainError, information, noise_kept,
    reconstruct,
};
use crate::data::{ImageSet, PatchNoise, normalise};
use crate::dim::Model;
use crate::probe::{
    Features, FewLabelPoint, KnnConfig, KnnResult, LinearConfig, MlpConfig, NdmConfig, ProbeResult, few_label_curve,
    knn_probe, linear_probe, mlp_probe, ndm, rank_me, standardise,
};
use serde::Serialize;

/// Images encoded at a time.
const CHUNK: usize = 500;

/// The layers that are probed, as the paper names them.
pub const LAYERS: [&str; 3] = ["conv", "fc", "Y"];

/// How probes are trained.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeConfig {
    /// Passes of the MLP probe over its labels, for conv, fc and Y.
    pub mlp_epochs: [usize; 3],
    /// Share of its steps, the last ones, whose weights are averaged; see [`MlpConfig::average`].
    pub mlp_average: f64,
    /// Iterations of the linear probe at most.
    pub linear_iterations: usize,
    /// Use the first so many training images only.
    pub labels: Option<usize>,
    /// Root seed.
    pub seed: u64,
    /// What is measured beside the two probes.
    pub more: MoreMeasures,
}

/// Rejects settings of the MLP probe that cannot work: passes, and the share of its steps that is averaged.
///
/// # Errors
/// [`TrainError::Config`].
pub(crate) fn check_mlp(epochs: [usize; 3], average: f64) -> Result<(), TrainError> {
    if epochs.contains(&0) || !(0.0..1.0).contains(&average) {
        return Err(TrainError::Config(format!(
            "an MLP probe of {epochs:?} passes that averages a share of {average} of its steps; passes are 1 or more, the \
             share is at least 0 and below 1"
        )));
    }
    Ok(())
}

/// Measures that are taken when they are asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MoreMeasures {
    /// A support vector machine on each layer.
    pub svm: bool,
    /// Nearest neighbours on each layer, as the encoder gives it.
    pub knn: Option<KnnConfig>,
    /// The effective rank of each layer of up to [`RANKED`] features, on the training images.
    pub rank_me: bool,
    /// The neural dependency measure of Y; its seed is the probes'.
    pub ndm: Option<NdmConfig>,
    /// What a decoder makes of Y; its seed is the probes'.
    pub decoder: Option<DecoderConfig>,
    /// The mutual information of test images and Y; its seed is the probes'.
    pub information: Option<InformationConfig>,
    /// How much of this noise in the images Y has kept.
    pub noise: Option<PatchNoise>,
}

/// Layers with more features get no rank: it takes the cube of their number in operations.
pub const RANKED: usize = 2048;

impl Default for ProbeConfig {
    fn default() -> Self {
        Self {
            mlp_epochs: [6, 6, 40],
            mlp_average: MlpConfig::default().average,
            linear_iterations: LinearConfig::default().max_iterations,
            labels: None,
            seed: 0,
            more: MoreMeasures::default(),
        }
    }
}

/// The probes of one layer.
#[derive(Clone, Debug, Serialize)]
pub struct LayerReport {
    /// `conv`, `fc` or `Y`.
    pub layer: &'static str,
    /// Features.
    pub size: usize,
    /// Logistic regression.
    pub linear: ProbeResult,
    /// 200 hidden units.
    pub mlp: ProbeResult,
    /// A support vector machine, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub svm: Option<ProbeResult>,
    /// Nearest neighbours, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knn: Option<KnnResult>,
    /// The effective rank, if asked for; see [`rank_me`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank_me: Option<f64>,
}

/// The neural dependency measure of Y, nats; see [`ndm`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Dependency {
    /// Of `σ(Y)`, as matching with a uniform prior sees it.
    pub sigmoid: f64,
    /// Of `Y` itself.
    pub linear: f64,
}

/// The probes of each layer of one encoder.
#[derive(Clone, Debug, Serialize)]
pub struct EncoderReport {
    /// `trained` or `untrained`.
    pub encoder: &'static str,
    /// conv, fc, Y.
    pub layers: Vec<LayerReport>,
    /// How dependent the units of Y are, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ndm: Option<Dependency>,
    /// How well a decoder makes test images of Y, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconstructions: Option<Reconstructions>,
    /// What Y says of test images, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub information: Option<Information>,
    /// How much of the noise in the images Y has kept, if asked for; see [`noise_kept`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
}

/// An encoder's report, and its global vectors of both splits.
pub struct Evaluation {
    /// The probes.
    pub report: EncoderReport,
    /// Y of the training images.
    pub train: Features,
    /// Y of the test images.
    pub test: Features,
}

/// The features of every image of `set`, in its order, with the encoder frozen and batch norm evaluating: conv, fc, Y.
///
/// # Errors
/// When the device fails or a feature is not finite.
pub fn encode(
    model: &dyn Model,
    set: &ImageSet,
    rows: usize,
    progress: &mut dyn Progress,
) -> Result<[Features; 3], TrainError> {
    let mut values: [Vec<f32>; 3] = Default::default();
    in_chunks(model, set, rows, progress, |layers| {
        for (all, part) in values.iter_mut().zip(layers) {
            // All the room at once: growing would hold twice the features for a while.
            if all.is_empty() {
                all.reserve_exact(part.len() / CHUNK.min(rows) * rows);
            }
            all.extend(part);
        }
    })?;
    let [conv, fc, y] = values.map(|v| Features::try_new(rows, v.len() / rows, v));
    Ok([conv?, fc?, y?])
}

/// The same of one of [`LAYERS`] alone, which is all that is kept in memory.
///
/// # Errors
/// As [`encode`].
///
/// # Panics
/// When there is no such layer.
pub fn encode_layer(
    model: &dyn Model,
    set: &ImageSet,
    rows: usize,
    layer: usize,
    progress: &mut dyn Progress,
) -> Result<Features, TrainError> {
    let mut values = Vec::new();
    in_chunks(model, set, rows, progress, |mut layers| values.append(&mut layers[layer]))?;
    Ok(Features::try_new(rows, values.len() / rows, values)?)
}

/// Hands the features of the first `rows` images of `set` to `take`, some images at a time.
fn in_chunks(
    model: &dyn Model,
    set: &ImageSet,
    rows: usize,
    progress: &mut dyn Progress,
    mut take: impl FnMut([Vec<f32>; 3]),
) -> Result<(), TrainError> {
    for from in (0..rows).step_by(CHUNK) {
        let count = CHUNK.min(rows - from);
        let mut pixels = vec![0f32; count * set.image_len()];
        for (i, out) in pixels.chunks_exact_mut(set.image_len()).enumerate() {
            normalise(set.image(from + i), out);
        }
        take(model.features(count, pixels)?);
        progress.task_advances(count as u64);
    }
    Ok(())
}

/// How many images of a split a probe uses.
///
/// # Errors
/// When one of them has no label.
pub(super) fn probed_rows(wanted: Option<usize>, set: &ImageSet) -> Result<usize, TrainError> {
    let rows = wanted.unwrap_or(set.len()).clamp(1, set.len());
    let labelled = set.labels().len();
    if labelled < rows {
        return Err(TrainError::Config(format!(
            "a probe was to use {rows} images of {}, and {labelled} of them have labels",
            set.name
        )));
    }
    Ok(rows)
}

/// Probes an encoder on both splits of a data set.
///
/// # Errors
/// When the device fails, or the labels do not allow a probe.
pub fn evaluate_encoder(
    encoder: &'static str,
    model: &dyn Model,
    [train, test]: [&ImageSet; 2],
    config: &ProbeConfig,
    progress: &mut dyn Progress,
) -> Result<Evaluation, TrainError> {
    let rows = probed_rows(config.labels, train)?;
    let more = &config.more;
    check_mlp(config.mlp_epochs, config.mlp_average)?;
    more.knn.map_or(Ok(()), |k| k.check(rows))?;
    more.ndm.map_or(Ok(()), |n| n.check())?;
    more.decoder.map_or(Ok(()), |d| d.check(rows))?;
    more.information.map_or(Ok(()), |i| i.check())?;
    progress.task_begins(&format!("{encoder} encoder: features"), (rows + test.len()) as u64);
    let train_features = encode(model, train, rows, progress)?;
    let test_features = encode(model, test, test.len(), progress)?;
    progress.task_ends();
    let measures = 2 + [more.svm, more.knn.is_some(), more.rank_me].into_iter().filter(|&m| m).count();
    let of_y = [more.ndm.is_some(), more.decoder.is_some(), more.information.is_some(), more.noise.is_some()];
    let total = measures * LAYERS.len() + of_y.into_iter().filter(|&m| m).count();
    progress.task_begins(&format!("{encoder} encoder: probes"), total as u64);
    let (labels, classes) = (&train.labels()[..rows], train.classes.len());
    let mut layers = Vec::with_capacity(LAYERS.len());
    let (mut global, mut noise) = (None, None);
    for (i, (mut train_x, mut test_x)) in train_features.into_iter().zip(test_features).enumerate() {
        if i + 1 == LAYERS.len() {
            global = Some((train_x.clone(), test_x.clone()));
        }
        let knn = more.knn.map(|k| knn_probe(&train_x, labels, &test_x, test.labels(), classes, &k)).transpose()?;
        let rank = (more.rank_me && train_x.dim <= RANKED).then(|| rank_me(&train_x)).transpose()?;
        progress.task_advances(u64::from(more.knn.is_some()) + u64::from(more.rank_me));
        standardise(&mut train_x, &mut test_x)?;
        let fit = |config: &LinearConfig| {
            linear_probe(&train_x, labels, &test_x, test.labels(), classes, config).map(|fitted| fitted.1)
        };
        if let Some(kind) = more.noise.filter(|_| i + 1 == LAYERS.len()) {
            noise = noise_kept(&kind, [&train_x, &test_x], [train, test])?;
            progress.task_advances(1);
        }
        let linear = fit(&LinearConfig { max_iterations: config.linear_iterations, ..LinearConfig::default() })?;
        progress.task_advances(1);
        let (epochs, average) = (config.mlp_epochs[i], config.mlp_average);
        let settings = MlpConfig { epochs, average, seed: config.seed, ..MlpConfig::default() };
        let mlp = mlp_probe(&train_x, labels, &test_x, test.labels(), classes, &settings)?.1;
        progress.task_advances(1);
        let svm = more.svm.then(|| fit(&LinearConfig::svm())).transpose()?;
        progress.task_advances(u64::from(more.svm));
        layers.push(LayerReport { layer: LAYERS[i], size: train_x.dim, linear, mlp, svm, knn, rank_me: rank });
    }
    let (train_y, test_y) = global.expect("the last layer is Y");
    let dependency =
        more.ndm.map(|n| dependency(&train_y, &test_y, &NdmConfig { seed: config.seed, ..n })).transpose()?;
    progress.task_advances(u64::from(more.ndm.is_some()));
    let decode = |d| reconstruct([&train_y, &test_y], [train, test], &DecoderConfig { seed: config.seed, ..d });
    let reconstructions = more.decoder.map(decode).transpose()?;
    progress.task_advances(u64::from(more.decoder.is_some()));
    let measure = |i| information(test, &test_y, &InformationConfig { seed: config.seed, ..i });
    let found = more.information.map(measure).transpose()?;
    progress.task_ends();
    let report = EncoderReport { encoder, layers, ndm: dependency, reconstructions, information: found, noise };
    Ok(Evaluation { report, train: train_y, test: test_y })
}

/// The neural dependency measure of Y with and without the sigmoid.
fn dependency(train: &Features, test: &Features, settings: &NdmConfig) -> Result<Dependency, TrainError> {
    let measure = |train: &Features, test: &Features| ndm::<{ crate::dim::build::Y }>(train, test, settings);
    let sigmoid = |x: &Features| {
        let values = x.values.iter().map(|v| 1.0 / (1.0 + (-v).exp())).collect();
        Features::try_new(x.rows, x.dim, values)
    };
    Ok(Dependency { sigmoid: measure(&sigmoid(train)?, &sigmoid(test)?)?, linear: measure(train, test)? })
}

/// Pixels in [−1, 1] as features.
///
/// # Errors
/// Never for a loaded set.
pub fn pixel_features(set: &ImageSet, rows: usize) -> Result<Features, TrainError> {
    let mut values = vec![0f32; rows * set.image_len()];
    for (i, out) in values.chunks_exact_mut(set.image_len()).enumerate() {
        normalise(set.image(i), out);
    }
    Ok(Features::try_new(rows, set.image_len(), values)?)
}

/// Linear probes on few labels a class, over three seeds: [`few_label_curve`] on standardised features. Budgets larger
/// than the smallest class are left out.
///
/// # Errors
/// When the labels do not allow a probe.
pub fn few_label_report(
    mut train: Features,
    mut test: Features,
    [train_set, test_set]: [&ImageSet; 2],
    seed: u64,
) -> Result<Vec<FewLabelPoint>, TrainError> {
    standardise(&mut train, &mut test)?;
    let labels = &train_set.labels()[..train.rows.min(train_set.labels().len())];
    let mut counts = vec![0usize; train_set.classes.len()];
    labels.iter().for_each(|&l| counts[l as usize] += 1);
    let smallest = counts.into_iter().min().unwrap_or(0);
    let budgets: Vec<usize> = [10, 30, 100, 300, 1000].into_iter().filter(|&b| b <= smallest).collect();
    if budgets.is_empty() {
        return Ok(Vec::new());
    }
    let seeds = [seed, seed + 1, seed + 2];
    let classes = train_set.classes.len();
    Ok(few_label_curve(&train, labels, &test, test_set.labels(), classes, &budgets, &seeds, &LinearConfig::default())?)
}
