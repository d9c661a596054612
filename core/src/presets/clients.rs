//! The policies of other clients, each compared with the client itself by `cargo xtask peers`.

/// Takes each document out of the file that is named like it, but for signs that are not for names of
/// files.
macro_rules! clients {
    ($( $name:literal $file:literal, )+) => {
        /// The documents by name; of each client the newest first.
        pub(super) const CLIENTS: [(&str, &str); COUNT] = [
            $( ($name, include_str!(concat!("clients/", $file, ".json"))), )+
        ];
        const COUNT: usize = [$( $name, )+].len();
    };
}

clients! {
    "anthropic-node@>=0.137" "anthropic-node@0.137",
    "anthropic-python@>=1.6" "anthropic-python@1.6",
    "axios-retry@>=4.2" "axios-retry@4.2",
    "azure-core-python@>=1.30.1" "azure-core-python@1.30.1",
    "azure-rest-pipeline-node@>=1.24" "azure-rest-pipeline-node@1.24",
    "botocore-standard@>=1.44" "botocore-standard@1.44",
    "cohere-python@>=7.3.1" "cohere-python@7.3.1",
    "google-api-core-python@>=2.11" "google-api-core-python@2.11",
    "google-genai-python@3" "google-genai-python@3",
    "got@>=16.1" "got@16.1",
    "groq-python@1" "groq-python@1",
    "grpc@>=1.69" "grpc@1.69",
    "httpx-retries@0.6" "httpx-retries@0.6",
    "ktor@>=3.1" "ktor@3.1",
    "ky@>=2.1" "ky@2.1",
    "mistral-python@3" "mistral-python@3",
    "okhttp@5" "okhttp@5",
    "openai-go@>=3.67" "openai-go@3.67",
    "openai-java@>=4.71" "openai-java@4.71",
    "openai-node@>=7.5" "openai-node@7.5",
    "openai-node@6.26-7.4" "openai-node@6.26-7.4",
    "openai-python@>=2.52.1" "openai-python@2.52.1",
    "openai-python@<=2.51" "openai-python@2.51",
    "p-retry@9" "p-retry@9",
    "resilience4j@2" "resilience4j@2",
    "smithy-node@>=3.40" "smithy-node@3.40",
    "stamina@26" "stamina@26",
    "stripe-python@>=16" "stripe-python@16",
    "tenacity@9" "tenacity@9",
    "undici@>=8.10" "undici@8.10",
    "urllib3@>=2.6.3" "urllib3@2.6.3",
}
