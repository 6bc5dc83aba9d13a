//! Where a stage is asked that is not where the task file says.

/// An address of the command line: `HOST:PORT`.
pub(crate) fn address(text: &str) -> Result<String, String> {
    let port =
        text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).and_then(|(_, port)| port.parse::<u16>().ok());
    match port {
        Some(port) if port > 0 => Ok(text.to_owned()),
        _ => Err("write HOST:PORT, for example 10.0.0.7:9562".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        assert!(address("10.0.0.7:9562").is_ok() && address("[::1]:1").is_ok() && address("apply-1:9563").is_ok());
        for bad in ["", ":1", "a", "a:", "a:0", "a:99999"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
