//! What goes wrong, and who changes roles.

use rand::RngExt;

use crate::world::World;

impl World {
    /// Now and then something goes wrong.
    pub fn misfortune(&mut self) {
        if self.rng.random_range(0..45) != 0 {
            return;
        }
        match self.rng.random_range(0..100) {
            0..40 => self.cut_somewhere(),
            40..52 => self.stall_somewhere(),
            52..58 => self.part_into_two(),
            58..63 => self.slow_somewhere(),
            63..71 => self.crash_somewhere(),
            71..75 => self.shut_down_somewhere(),
            75..80 => self.save_somewhere(),
            80..84 => self.flush_in_mid_resync(),
            84..93 if self.plan.changes_roles => self.change_a_role(),
            _ if self.plan.changes_roles => self.fail_over_somewhere(),
            _ => self.cut_somewhere(),
        }
    }

    fn cut_somewhere(&mut self) {
        let ids = self.network.ids();
        if !ids.is_empty() {
            let id = ids[self.rng.random_range(0..ids.len())];
            self.network.cut(&mut self.rng, id);
        }
    }

    fn stall_somewhere(&mut self) {
        let (a, b) = (self.any_node(), self.any_node());
        let until = self.now.plus(self.rng.random_range(100..15_000));
        self.network.stall(a, b, until);
    }

    /// kill -9: what is not in the file is gone.
    fn crash_somewhere(&mut self) {
        let node = self.any_node();
        let keeps_file = self.rng.random_range(0..2) == 0;
        self.crash(node, keeps_file);
    }

    fn shut_down_somewhere(&mut self) {
        let node = self.any_node();
        self.shut_down(node);
    }

    fn save_somewhere(&mut self) {
        let node = self.any_node();
        self.request(node, &["BGSAVE"]);
    }

    /// Nothing arrives between two groups for a while.
    fn part_into_two(&mut self) {
        let until = self.now.plus(self.rng.random_range(100..8_000));
        let sides: Vec<bool> = self.nodes.iter().map(|_| self.rng.random_range(0..2) == 0).collect();
        for (a, b) in (0..sides.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
            if sides[a] != sides[b] {
                self.network.stall(a, b, until);
            }
        }
    }

    fn slow_somewhere(&mut self) {
        let node = self.any_node();
        self.nodes[node].slow_until = self.now.plus(self.rng.random_range(500..5_000));
    }

    /// All data go while a snapshot of them is on its way.
    fn flush_in_mid_resync(&mut self) {
        let sends =
            |node: &crate::node::Node| node.is_alive && node.served.values().any(|served| served.payload.is_some());
        if let Some(node) = (0..self.nodes.len()).find(|node| sends(&self.nodes[*node])) {
            self.request(node, &["FLUSHALL"]);
        }
    }

    /// A master changes places with a replica of its own choice, or with one that it is told, in time or not.
    fn fail_over_somewhere(&mut self) {
        let masters = self.masters();
        if masters.is_empty() {
            return;
        }
        let (node, target) = (masters[self.rng.random_range(0..masters.len())], self.any_node());
        let timeout = self.rng.random_range(1..2_000).to_string();
        let (host, port) = (crate::node::Node::host(target), (7_000 + target).to_string());
        match self.rng.random_range(0..6) {
            0..3 => drop(self.request(node, &["FAILOVER"])),
            3 => drop(self.request(node, &["FAILOVER", "TIMEOUT", &timeout])),
            4 => drop(self.request(node, &["FAILOVER", "TO", &host, &port, "FORCE", "TIMEOUT", &timeout])),
            _ => drop(self.request(node, &["FAILOVER", "ABORT"])),
        }
    }

    /// One server becomes a master, or another one's replica, now and then in a circle.
    fn change_a_role(&mut self) {
        let node = self.any_node();
        let other = self.any_node();
        if self.rng.random_range(0..3) == 0 {
            self.request(node, &["REPLICAOF", "NO", "ONE"]);
        } else if node != other && (!self.follows(other, node) || self.rng.random_range(0..10) == 0) {
            self.follow(node, other);
        }
    }

    fn any_node(&mut self) -> usize {
        self.rng.random_range(0..self.nodes.len())
    }
}
